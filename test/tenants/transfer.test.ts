import { createReadStream } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type Fleet, openFleet, staticKeyProvider } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { type Query, seed } from '../platform/sample-rows.js'
import { afterFile, createTestDatabase, engine, failure, onEngines, sql } from '../setup/index.js'

const keyProvider = staticKeyProvider({ key: Buffer.alloc(32, 7) })

async function open(): Promise<Fleet> {
  const fleet = await openFleet({ ...(await createTestDatabase()).options, keyProvider })
  afterFile(() => fleet.close())
  return fleet
}

const here = await open()
const there = await open()

async function exported(fleet: Fleet, id: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of fleet.tenants.export(id)) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function* from(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += 1000) yield bytes.subarray(i, i + 1000)
}

/** Lines of an export without what tells when and where from. */
function content(file: Buffer): string[] {
  const [manifest = '', ...lines] = gunzipSync(file).toString('utf8').trimEnd().split('\n')
  const { tenant, tables } = JSON.parse(manifest)
  const last = JSON.parse(lines.pop() ?? '{}')
  return [
    JSON.stringify({ ...tenant, createdAt: undefined }),
    JSON.stringify(tables),
    ...lines,
    JSON.stringify(last.end.tables),
  ]
}

/** All rows of a table, as text; what a database gives by itself aside. */
async function rowsOf(fleet: Fleet, table: string, id: string): Promise<unknown[]> {
  const rows = await sql<{ row: Record<string, unknown> }>(
    fleet,
    `select to_jsonb(t) - 'transaction_id' - 'sequence' - 'audit_sequence' - 'rolled_up_below' as row from ${table} t where tenant_id = $1`,
    [id],
  )
  return rows.map(({ row }) => JSON.stringify(row)).sort()
}

const LEFT_BEHIND = [
  'delivery.audit_seals',
  'metadata.changes',
  'metadata.tick_leases',
  'metadata.ticks',
  'platform.erasures',
  'platform.tenants',
]

async function tablesOf(fleet: Fleet): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    fleet,
    `select c.oid::regclass::text as name from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  )
  return rows.map(({ name }) => name)
}

async function compare(id: string): Promise<void> {
  for (const table of (await tablesOf(here)).filter((name) => !LEFT_BEHIND.includes(name))) {
    expect(await rowsOf(there, table, id), table).toEqual(await rowsOf(here, table, id))
  }
}

const ORDER = { reason: 'test', by: 'test' }

describe('moving a tenant', () => {
  test('every table comes over with the same rows, and an export of the import is the same', async () => {
    await here.tenants.create({ id: 'full', displayName: 'Full', quotas: { q_values: 5000 }, metadata: { plan: 'x' } })
    const query: Query = async (text, values = []) => {
      const rows = await sql<Record<string, unknown>>(here, text, values)
      return { rows, rowCount: rows.length }
    }
    await seed(query, ['full'])
    const file = await exported(here, 'full')
    const progress: number[] = []
    const report = await there.tenants.import(from(file), { onProgress: ({ rows }) => progress.push(rows) })
    expect(report).toMatchObject({ tenant: 'full', from: 'full', leftOut: {}, auditHead: { seal: 1 } })
    expect(progress.at(-1)).toBe(report.rows)
    await compare('full')
    expect((await there.tenants.list()).find(({ id }) => id === 'full')).toMatchObject({
      displayName: 'Full',
      quotas: { q_values: 5000 },
      metadata: { plan: 'x' },
      state: 'active',
    })
    expect(content(await exported(there, 'full'))).toEqual(content(file))
    // Every table either moves, or is known to stay behind.
    const [, tables] = content(file)
    const moved = (JSON.parse(tables ?? '[]') as { name: string }[]).map(({ name }) => name)
    expect([...moved, ...LEFT_BEHIND].sort()).toEqual(await tablesOf(here))
    await failure(there.tenants.import(from(file)), 'TENANT_EXISTS')
  })

  test('what one row of the audit holds of several entities comes over, and is found', async () => {
    await here.tenants.create({ id: 'packed' })
    const { agentSessions, audit } = here.tenant('packed').delivery
    const made = await agentSessions.create(
      Array.from({ length: 40 }, () => ({ agentType: 'reviewer' as const, agentName: 'one' })),
    )
    const ids = made.map(({ id }) => id)
    await agentSessions.update(ids.map((id) => ({ id, status: 'idle' as const })))
    await there.tenants.import(from(await exported(here, 'packed')))
    const moved = there.tenant('packed').delivery.audit
    expect((await moved.list({ limit: 1000 })).entries).toEqual((await audit.list({ limit: 1000 })).entries)
    for (const entityId of ids)
      expect((await moved.list({ entityType: 'agent_session', entityId })).entries).toHaveLength(2)
  })

  test('columns of transaction ids are those that the export minds: another one has to be thought of', async () => {
    const rows = await sql<{ name: string }>(
      here,
      `select a.attrelid::regclass || '.' || a.attname as name from pg_attribute a
      join pg_class c on c.oid = a.attrelid and not c.relispartition and c.relkind in ('r', 'p')
      join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id'
      where a.atttypid in ('xid'::regtype, 'xid8'::regtype, 'pg_snapshot'::regtype, 'pg_lsn'::regtype) and a.attnum > 0 order by 1`,
    )
    expect(rows.map(({ name }) => name)).toEqual([
      'delivery.agent_interactions.transaction_id',
      'delivery.agent_sessions.transaction_id',
      'delivery.audit_log.transaction_id',
      'delivery.audit_seals.to_transaction',
      'delivery.metric_watermarks.rolled_up_below',
      'delivery.metrics.transaction_id',
      'delivery.workflow_details.transaction_id',
      'memory.events.transaction_id',
      'metadata.changes.transaction_id',
      'metadata.tick_leases.touched',
      'metadata.tick_leases.transaction_id',
    ])
  })

  test('work goes on in the new database: logs in their order, rollups once, secrets and keys good', async () => {
    await here.tenants.create({ id: 'going' })
    const before = here.tenant('going')
    for (let n = 0; n < 5; n++) await before.memory.events.append([{ type: 'test.counted', payload: { n } }])
    await before.delivery.metrics.record([{ name: 'load', numericValue: 1 }])
    await sql(here, `select * from delivery.calculate_aggregated_metrics('going')`)
    await before.delivery.metrics.record([{ name: 'load', numericValue: 2 }])
    await before.delivery.agentSessions.create([{ agentType: 'reviewer', agentName: 'one' }])
    await before.memory.secrets.set('github', 'hidden')
    const { key } = await before.memory.keys.create({ name: 'ci' })
    await before.learning.learn({ agentType: 'quality-gate', state: 1, action: 1, reward: 0.1, learningRate: 1 })
    await there.tenants.import(here.tenants.export('going'))
    await compare('going')

    const after = there.tenant('going')
    await after.memory.events.append([{ type: 'test.counted', payload: { n: 5 } }])
    const logged = await sql<{ n: number }>(
      there,
      `select (payload ->> 'n')::integer as n from memory.events where tenant_id = 'going' order by transaction_id, sequence`,
    )
    expect(logged.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5])
    await after.delivery.metrics.record([{ name: 'load', numericValue: 3 }])
    const points = async () => {
      await sql(there, `select * from delivery.calculate_aggregated_metrics('going')`)
      const [row] = await sql<{ points: number; total: number }>(
        there,
        `select sum(points)::integer as points, sum(total) as total from delivery.metric_rollups where tenant_id = 'going' and resolution = 'day'`,
      )
      return row
    }
    await expect.poll(points, { timeout: 60_000 }).toEqual({ points: 3, total: 6 })
    await expect.poll(async () => (await after.delivery.audit.seal()).head, { timeout: 60_000 }).toBeDefined()
    expect(await after.delivery.audit.verify()).toMatchObject({ intact: true })
    expect(await after.memory.secrets.get('github')).toBe('hidden')
    expect(await there.verifyKey(key)).toMatchObject({ tenant: 'going' })
    expect((await after.learning.best('quality-gate', 1))?.q).toBe(0.1)
    await after.metadata.entities.create([{ name: 'robot', syncGroup: 'NORMAL' }])
  })

  test('under another id it leaves keys and secrets out', async () => {
    await here.tenants.create({ id: 'first' })
    const { memory } = here.tenant('first')
    await memory.secrets.set('github', 'hidden')
    await memory.keys.create({ name: 'ci' })
    await memory.kv.set('a', { b: 1 })
    const report = await there.tenants.import(here.tenants.export('first'), { as: 'second' })
    expect(report).toMatchObject({ tenant: 'second', from: 'first' })
    expect(report.leftOut).toEqual({ 'memory.api_keys': 1, 'memory.data_keys': 1, 'memory.secrets': 1 })
    expect(await rowsOf(there, 'memory.key_values', 'second')).toHaveLength(1)
    await failure(there.tenant('first').learning.best('quality-gate', 1), 'TENANT_UNKNOWN')
  })

  test('any value comes over exactly', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 20 }),
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }), { maxLength: 20 }),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
        fc.array(fc.integer({ min: 0, max: 4_000_000_000 }), { maxLength: 20 }),
        async (values, floats, bytes, micros) => {
          const id = `any-${run++}`
          await here.tenants.create({ id })
          const insert = (text: string, list: readonly unknown[]) =>
            sql(
              here,
              `insert into memory.key_values (tenant_id, key, version, created_at, updated_at, expires_at, value, bytes) ${text}`,
              [id, list],
            )
          await insert(
            `select $1, 'j' || n, 1, now(), now(), 'infinity', v::jsonb, null from unnest($2::text[]) with ordinality u(v, n)`,
            values
              .map((value) => JSON.stringify(value).replaceAll('\\u0000', ''))
              .map((text) => (/\\ud[89a-f]/i.test(text) ? '1' : text)),
          )
          await insert(
            `select $1, 'b' || n, 1, now(), now(), '-infinity', null, v from unnest($2::bytea[]) with ordinality u(v, n)`,
            bytes.map((one) => Buffer.from(one)),
          )
          await insert(
            `select $1, 't' || n, 1, 'epoch'::timestamptz + v * interval '1 microsecond', now(), now(), '1', null from unnest($2::bigint[]) with ordinality u(v, n)`,
            micros,
          )
          await sql(
            here,
            `insert into metadata.volatile_entries (tenant_id, entity_id, key, version, updated_at, float_value)
            select $1, md5(n::text)::uuid, 'f', 1, now(), v from unnest($2::double precision[]) with ordinality u(v, n)`,
            [id, floats],
          )
          const file = await exported(here, id)
          await there.tenants.import(from(file))
          await compare(id)
          expect(content(await exported(there, id))).toEqual(content(file))
        },
      ),
      { numRuns: engine === 'embedded' ? 4 : 8 },
    )
  })

  test('many rows are moved in batches, and large ones too', async () => {
    await here.tenants.create({ id: 'large' })
    await sql(
      here,
      `insert into memory.key_values (tenant_id, key, version, created_at, updated_at, expires_at, value)
      select 'large', 'k' || n, 1, now(), now(), 'infinity', to_jsonb(repeat(md5(n::text), case when n % 500 = 0 then 10000 else 1 end)) from generate_series(1, 3000) n`,
    )
    const steps: number[] = []
    let listeners = 0
    const stream = here.tenants.export('large', {
      onProgress: () => {
        listeners = Math.max(listeners, stream.listenerCount('close') + stream.listenerCount('drain'))
      },
    })
    const { tables } = await there.tenants.import(stream, { onProgress: ({ rows }) => steps.push(rows) })
    expect(tables['memory.key_values']).toBe(3000)
    expect(new Set(steps).size).toBeGreaterThan(6)
    // What waits for the reader leaves nothing behind.
    expect(listeners).toBeLessThan(8)
    await compare('large')
  })
})

describe('what cannot be imported', () => {
  const lines = (file: Buffer) => gunzipSync(file).toString('utf8').trimEnd().split('\n')
  const packed = (all: readonly string[]) => from(gzipSync(`${all.join('\n')}\n`))
  let file: Buffer | undefined
  const original = async () => {
    if (file === undefined) {
      await here.tenants.create({ id: 'torn' }, { ifNotExists: true })
      await here.tenant('torn').memory.kv.set('a', { b: 1 })
      await here.tenant('torn').delivery.audit.record({ entityType: 'door', entityId: 'one', action: 'approve' })
      file = await exported(here, 'torn')
    }
    return file
  }

  test.each<
    [
      what: string,
      code: 'EXPORT_DAMAGED' | 'EXPORT_UNSUITABLE',
      message: RegExp,
      bend: (file: Buffer) => AsyncIterable<Uint8Array>,
    ]
  >([
    ['no gzip', 'EXPORT_DAMAGED', /no gzip/, () => from(Buffer.from('hello'))],
    ['nothing', 'EXPORT_DAMAGED', /manifest/, () => from(gzipSync(''))],
    ['a cut stream', 'EXPORT_DAMAGED', /cut off/, (all) => from(all.subarray(0, all.length - 200))],
    ['a cut text', 'EXPORT_DAMAGED', /it ends before table/, (all) => packed(lines(all).slice(0, -1))],
    [
      'a missing row',
      'EXPORT_DAMAGED',
      /key_values has 0 rows instead of 1/,
      (all) => packed(lines(all).filter((line) => !line.includes('{\\"b\\": 1}'))),
    ],
    [
      'an altered row',
      'EXPORT_DAMAGED',
      /rows of table memory.key_values were altered/,
      (all) => packed(lines(all).map((line) => line.replace('{\\"b\\": 1}', '{\\"b\\": 2}'))),
    ],
    [
      'a value of no type',
      'EXPORT_DAMAGED',
      /rows of table memory.key_values cannot be inserted/,
      (all) => packed(lines(all).map((line) => line.replace('{\\"b\\": 1}', '{\\"b\\"'))),
    ],
    [
      'an altered manifest',
      'EXPORT_DAMAGED',
      /manifest was altered/,
      (all) => packed(lines(all).map((line) => line.replace('"quotas":{}', '"quotas":{"q_values":1}'))),
    ],
    [
      'a table twice',
      'EXPORT_DAMAGED',
      /is there twice/,
      (all) => packed(lines(all).flatMap((line) => (line.startsWith('{"table"') ? [line, line] : [line]))),
    ],
    [
      'an entry of the audit that is none',
      'EXPORT_DAMAGED',
      /rows of table delivery.audit_log cannot be inserted/,
      (all) => packed(lines(all).map((line) => line.replace('"approve"', '"look"'))),
    ],
    ['something behind', 'EXPORT_DAMAGED', /follows its last line/, (all) => packed([...lines(all), '[]'])],
    [
      'an unknown table',
      'EXPORT_UNSUITABLE',
      /memory.key_valuez/,
      (all) => packed(lines(all).map((line) => line.replace('"memory.key_values"', '"memory.key_valuez"'))),
    ],
    [
      'another type',
      'EXPORT_UNSUITABLE',
      /which is money/,
      (all) => packed(lines(all).map((line) => line.replace('"type":"jsonb"', '"type":"money"'))),
    ],
    [
      'a later format',
      'EXPORT_DAMAGED',
      /pgfleetExport/,
      (all) => packed(lines(all).map((line) => line.replace('"pgfleetExport":1', '"pgfleetExport":2'))),
    ],
  ])('%s is told, and leaves nothing behind', async (_what, code, message, bend) => {
    const error = await failure(there.tenants.import(bend(await original())), code)
    expect(error.message).toMatch(message)
    expect((await there.tenants.list()).map(({ id }) => id)).not.toContain('torn')
    expect(await rowsOf(there, 'memory.key_values', 'torn')).toEqual([])
    expect(await there.tenants.erasures({ tenant: 'torn' })).toEqual([])
  })

  test('characters that some take for the end of a line come over too', async () => {
    await here.tenants.create({ id: 'ends' })
    const value = 'a\u2028b\u2029c\u0085d\re\r\nf\ng'
    await here.tenant('ends').memory.kv.set('text', value)
    await there.tenants.import(from(await exported(here, 'ends')))
    expect(await there.tenant('ends').memory.kv.get('text')).toBe(value)
  })

  test('a source that fails ends the import with its error', async () => {
    const importing = there.tenants.import(createReadStream(new URL('nowhere.gz', import.meta.url)))
    await expect(importing).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('an aborted import leaves nothing; nobody sees the tenant before the end', async () => {
    const stop = new AbortController()
    const seen: unknown[] = []
    const importing = there.tenants.import(from(await original()), {
      signal: stop.signal,
      onProgress: ({ tablesDone }) => {
        if (tablesDone === 5) {
          seen.push(failure(there.tenant('torn').learning.best('quality-gate', 1), 'TENANT_UNAVAILABLE'))
          stop.abort()
        }
      },
    })
    await failure(importing, 'ABORTED')
    await Promise.all(seen)
    expect(seen).toHaveLength(1)
    expect((await there.tenants.list()).map(({ id }) => id)).not.toContain('torn')
    await there.tenants.import(from(await original()))
    await compare('torn')
  })

  onEngines(['direct', 'pooled'], 'the embedded engine has one connection')(
    'an import that fails waits for nobody: no one could have entered its tenant',
    async () => {
      const damaged = from((await original()).subarray(0, -200))
      await there.tenants.create({ id: 'busy' })
      const error = await there.tenant('busy').transaction(async ({ memory }) => {
        await memory.kv.get('k')
        return await failure(there.tenants.import(damaged, { as: 'left' }), 'EXPORT_DAMAGED')
      })
      expect(error.message).toContain('cut off')
      expect((await there.tenants.list()).map(({ id }) => id)).not.toContain('left')
    },
  )

  test('an import whose remains cannot be removed tells why it failed, and what to do', async () => {
    await sql(there, 'alter function platform.erase_rows rename to erase_rows_away')
    try {
      const error = await failure(
        there.tenants.import(from((await original()).subarray(0, -200)), { as: 'left' }),
        'EXPORT_DAMAGED',
      )
      expect(error.message).toMatch(/cut off.*; and what it had written is still there: .*erase_rows/)
      expect(error.hint).toContain('Erase tenant left')
    } finally {
      await sql(there, 'alter function platform.erase_rows_away rename to erase_rows')
    }
    await there.tenants.erase('left', ORDER)
    expect((await there.tenants.list()).map(({ id }) => id)).not.toContain('left')
  })

  test('what an import left that was killed is erased, and the id is free; the id of an erased tenant is not', async () => {
    await sql(there, `select platform.begin_import('killed', gen_random_uuid(), null, '{}', '{}', false)`)
    await failure(there.tenant('killed').learning.best('quality-gate', 1), 'TENANT_UNAVAILABLE')
    await there.tenants.erase('killed', ORDER)
    expect(await there.tenants.erasures({ tenant: 'killed' })).toEqual([])
    await here.tenants.create({ id: 'killed' })
    const moved = await exported(here, 'killed')
    await there.tenants.import(from(moved))
    await there.tenants.erase('killed', ORDER)
    await failure(there.tenants.import(from(moved)), 'TENANT_ERASED')
    expect(await there.tenants.import(from(moved), { reuse: true })).toMatchObject({ tenant: 'killed' })
  })

  test('an export of what is not there, or that is aborted, fails', async () => {
    await failure(exported(here, 'nobody'), 'TENANT_UNKNOWN')
    await expect(exported(here, 'torn').then((all) => all.length)).resolves.toBeGreaterThan(0)
    const stream = here.tenants.export('torn', { signal: AbortSignal.abort() })
    await expect(stream.toArray()).rejects.toThrow()
    const unread = here.tenants.export('torn')
    unread.destroy()
    // The connection comes back: the next export gets it.
    expect((await exported(here, 'torn')).length).toBeGreaterThan(0)
  })
})
