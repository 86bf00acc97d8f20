import { openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect } from 'vitest'
import { afterFile, createTestDatabase, onEngines, sql } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'

const ROWS = 20_000
const LARGE = /^(sessions|artifacts|artifact_contents|artifact_chunks|artifact_names|api_keys)$/

const FILL = [
  `insert into memory.sessions (tenant_id, session_id, content_hash, expires_at)
  select 'planned', md5(n::text)::uuid, md5('c')::uuid, now() + interval '30 days' from generate_series(1, ${ROWS}) n`,
  `insert into memory.artifact_contents (tenant_id, content_id, sha256, size_bytes, stored_bytes, chunk_count, codec, created_at, last_used_at)
  select 'planned', md5(n::text)::uuid, sha256(n::text::bytea), 1, 1, 1, 'none', now(), now() from generate_series(1, ${ROWS}) n`,
  `insert into memory.artifacts (tenant_id, artifact_id, session_id, name, version, content_id, artifact_type, mime_type, size_bytes, created_at)
  select 'planned', md5(n::text)::uuid, md5(n::text)::uuid, 'n' || n, 1, md5(n::text)::uuid, 't', 'm', 1, now() from generate_series(1, ${ROWS}) n`,
  `insert into memory.api_keys (tenant_id, key_id, name, secret_hash)
  select 'planned', md5(n::text)::uuid, 'n', sha256('x') from generate_series(1, ${ROWS}) n`,
]

onEngines(['direct'], 'needs auto_explain in a session of its own')(
  'hot statements read what they are asked for, not the tenant',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    await fleet.tenants.create({ id: 'planned' })
    const { client, plans } = await openExplained(database.adminUrl())
    const ids = Array.from({ length: 20 }, (_, i) => i * 31 + 1)
    const named = (extra: (n: number) => object) => async () => {
      const { rows } = await client.query<{ id: string }>(
        'select md5(n::text)::uuid as id from unnest($1::integer[]) n',
        [ids],
      )
      return JSON.stringify(rows.map(({ id }, i) => ({ id, ...extra(i) })))
    }
    const artifact = (i: number) => ({
      id: uuidv7(),
      content_id: uuidv7(),
      sha256: Buffer.alloc(32, i + 1).toString('hex'),
      size: 1,
      stored: 1,
      chunks: 1,
      codec: 'none',
      name: `n${i}`,
      type: 't',
      mime: 'm',
      length: 1,
      crc: 0,
    })
    const putOne = async () => JSON.stringify([artifact(90)])
    const calls: [string, () => Promise<string>, boolean?][] = [
      ['memory.get_sessions', named(() => ({}))],
      ['memory.change_sessions', named(() => ({ patch: { a: 1 } }))],
      [
        'memory.create_sessions',
        async () =>
          JSON.stringify(ids.map(() => ({ id: uuidv7(), data: {}, content_hash: uuidv7(), retention_days: 1 }))),
      ],
      ['memory.get_artifacts', named(() => ({}))],
      ['memory.put_artifacts', async () => JSON.stringify(ids.map((_, i) => artifact(i))), true],
      ['memory.put_artifacts', putOne, true],
      ['memory.find_api_keys', named(() => ({}))],
      ['memory.delete_artifacts', named(() => ({}))],
      ['memory.delete_sessions', named(() => ({}))],
    ]
    const run = async (name: string, items: string, bytes: boolean | undefined) => {
      await client.query('begin')
      await client.query(
        `select * from ${name}('planned', $1${bytes ? ', $2' : ''})`,
        bytes ? [items, Buffer.alloc(20)] : [items],
      )
    }
    for (const [name, items, bytes] of calls) {
      await run(name, await items(), bytes).catch(() => {})
      await client.query('rollback')
    }
    const readLittle = async (those: typeof calls) => {
      for (const [name, items, bytes] of those) {
        const given = await items()
        plans.length = 0
        await run(name, given, bytes)
        const seen = plans.flatMap(nodesOf)
        await client.query('rollback')
        expect(seen.length, name).toBeGreaterThan(0)
        for (const node of seen) {
          const read = rowsLookedAt(node)
          if (LARGE.test(node['Relation Name'] ?? ''))
            expect(read, `${name}: ${JSON.stringify(node)}`).toBeLessThan(1000)
          expect(node['Rows Removed by Join Filter'] ?? 0, `${name}: ${JSON.stringify(node)}`).toBeLessThan(1000)
        }
      }
    }
    for (const text of FILL) await sql(fleet, text)
    await readLittle(calls.filter(([name, items]) => name === 'memory.get_artifacts' || items === putOne))
    // What autovacuum does within a minute; until then other plans made for empty tables may read more.
    await sql(fleet, 'analyze memory.sessions, memory.artifacts, memory.artifact_contents, memory.api_keys')
    await readLittle(calls)
  },
)
