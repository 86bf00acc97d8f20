// What keeps a move of a tenant exact whatever else goes on: one snapshot, one import at a time, settings, holds, retention.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { type Fleet, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, failure, onEngines, sql } from '../setup/index.js'

async function open(): Promise<Fleet> {
  const fleet = await openFleet((await createTestDatabase()).options)
  afterFile(() => fleet.close())
  return fleet
}

const here = await open()
const there = await open()
const ORDER = { reason: 'test', by: 'test' }

async function exported(fleet: Fleet, id: string): Promise<Buffer> {
  return Buffer.concat((await fleet.tenants.export(id).toArray()) as Buffer[])
}

async function* from(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const keysOf = async (fleet: Fleet, tenant: string) =>
  (
    await sql<{ key: string }>(fleet, 'select key from memory.key_values where tenant_id = $1 order by key', [tenant])
  ).map(({ key }) => key)

test('rows come of the one import that made the tenant, and of none when it has ended', async () => {
  const [mine, other] = [randomUUID(), randomUUID()]
  const call = (text: string, values: readonly unknown[]) =>
    there.database.run({ name: `test.${text.slice(0, 40)}`, text }, values)
  const row = [['k', '1', '1', '2030-01-01', '2030-01-01', 'infinity']]
  const columns = ['key', 'value', 'version', 'created_at', 'updated_at', 'expires_at']
  const add = (id: string) =>
    call(`select platform.import_rows('one', $1::uuid, 'memory.key_values', $2::text[], $3::jsonb)`, [
      id,
      columns,
      JSON.stringify(row),
    ])
  const finish = (id: string) => call(`select platform.finish_import('one', $1::uuid)`, [id])
  await sql(there, `select platform.begin_import('one', $1, null, '{}', '{}', false)`, [mine])
  await failure(add(other), 'TENANT_UNAVAILABLE')
  await failure(finish(other), 'TENANT_UNAVAILABLE')
  await add(mine)
  await finish(mine)
  await failure(add(mine), 'TENANT_UNAVAILABLE')
  await failure(finish(mine), 'TENANT_UNAVAILABLE')
  expect(await keysOf(there, 'one')).toEqual(['k'])
})

test('rows go by the one erasure that marked the tenant', async () => {
  await there.tenants.create({ id: 'marked' })
  await there.tenant('marked').memory.kv.set('k', 1)
  const erase = (id: string) =>
    there.database.run(
      { name: 'test.erase', text: `select platform.erase_rows('marked', $1::uuid, 'memory.key_values', 10, null)` },
      [id],
    )
  const stop = new AbortController()
  // Nothing is marked yet.
  await failure(erase(randomUUID()), 'TENANT_UNAVAILABLE')
  await failure(
    there.tenants.erase('marked', { ...ORDER, signal: stop.signal, onProgress: () => stop.abort() }),
    'ABORTED',
  )
  await failure(erase(randomUUID()), 'TENANT_UNAVAILABLE')
  expect(await keysOf(there, 'marked')).toEqual(['k'])
  // What is being erased cannot be exported either.
  await failure(exported(there, 'marked'), 'TENANT_UNAVAILABLE')
  const [begun] = await there.tenants.erasures({ tenant: 'marked' })
  await sql(there, `update platform.tenants set state = 'active' where tenant_id = 'marked'`)
  await failure(erase(begun?.erasureId as string), 'TENANT_UNAVAILABLE')
  await there.tenants.erase('marked', ORDER)
  expect(await keysOf(there, 'marked')).toEqual([])
})

test('an import that fails leaves nothing of a tenant under a legal hold either', async () => {
  await here.tenants.create({ id: 'held' })
  await here.tenant('held').memory.kv.set('k', 1)
  await here.tenants.hold('held', { reason: 'case 7', by: 'counsel' })
  const lines = gunzipSync(await exported(here, 'held'))
    .toString('utf8')
    .trimEnd()
    .split('\n')
  await failure(there.tenants.import(from(gzipSync(`${lines.slice(0, -1).join('\n')}\n`))), 'EXPORT_DAMAGED')
  expect((await there.tenants.list()).map(({ id }) => id)).not.toContain('held')
  await there.tenants.import(from(await exported(here, 'held')))
  expect((await there.tenants.holds('held')).length).toBe(1)
  await failure(there.tenants.erase('held', ORDER), 'TENANT_HELD')
})

test('rows past their retention are left out, and counted', async () => {
  await here.tenants.create({ id: 'old' })
  await here.tenant('old').memory.events.append({ type: 'new', payload: {} })
  await sql(
    here,
    `select platform.ensure_partition('memory', 'events', platform.uuid_floor(now() - interval '60 days'))`,
  )
  await sql(
    here,
    `insert into memory.events (tenant_id, event_id, event_type, occurred_at)
    select 'old', overlay(gen_random_uuid()::text placing left(platform.uuid_floor(now() - interval '60 days')::text, 15) from 1 for 15)::uuid, 'old', now()
    from generate_series(1, 3)`,
  )
  await sql(there, `update platform.partitioned_tables set retention = interval '30 days' where table_name = 'events'`)
  const report = await there.tenants.import(from(await exported(here, 'old')))
  expect(report).toMatchObject({ leftOut: { 'memory.events': 3 }, tables: { 'memory.events': 1 } })
  expect(await sql(there, `select event_type from memory.events where tenant_id = 'old'`)).toEqual([
    { event_type: 'new' },
  ])
})

onEngines(['direct', 'pooled'], 'the embedded engine has one connection')(
  'an export is of one moment: what is written while it is read is not in it',
  async () => {
    await here.tenants.create({ id: 'moment' })
    const { memory } = here.tenant('moment')
    // More than the stream holds, and nothing that compresses: the export waits for its reader.
    await memory.events.append(
      Array.from({ length: 200 }, () => ({ type: 'large', payload: randomBytes(20_000).toString('base64') })),
    )
    await memory.kv.set('before', 1)
    let table = ''
    const stream = here.tenants.export('moment', {
      onProgress: (step) => {
        table = step.table
      },
    })
    await expect.poll(() => (stream as Duplex).writableNeedDrain, { timeout: 60_000 }).toBe(true)
    await memory.kv.set('meanwhile', 1)
    const at = table
    const all = (await stream.toArray()) as Buffer[]
    await there.tenants.import(from(Buffer.concat(all)))
    expect(await keysOf(there, 'moment')).toEqual(['before'])
    expect(at, 'the write came before its table was read').not.toBe('memory.key_values')
  },
)

onEngines(['direct'], 'settings of a database, past the pooler')(
  'settings of either database change no value',
  async () => {
    const settings = {
      extra_float_digits: '-10',
      intervalstyle: 'sql_standard',
      bytea_output: 'escape',
    }
    const opened = async () => {
      const database = await createTestDatabase()
      const admin = await openFleet(database.options)
      for (const [name, value] of Object.entries({ ...settings, timezone: 'Pacific/Kiritimati' }))
        await sql(admin, `alter database ${database.name} set ${name} = '${value}'`)
      await admin.close()
      return await openFleet(database.options)
    }
    const [odd, plain] = [await opened(), there]
    afterFile(() => odd.close())
    const fill = async (fleet: Fleet) => {
      await fleet.tenants.create({ id: 'odd' })
      const { learning, memory } = fleet.tenant('odd')
      await learning.learn({ agentType: 'quality-gate', state: 1, action: 'a', reward: 1 / 3 })
      await memory.kv.set('bytes', Buffer.from([0, 92, 200, 255]))
    }
    const look = (fleet: Fleet) =>
      fleet.database.lend(async (connection) => {
        await connection.query(
          `begin; set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local bytea_output = 'hex'; set local extra_float_digits = 1`,
        )
        const { rows } = await connection.query(
          `select q.q::text, q.updated_at::text as learned, k.bytes::text as bytes, k.updated_at::text as written
          from learning.q_values q, memory.key_values k where q.tenant_id = 'odd' and k.tenant_id = 'odd'`,
        )
        await connection.query('rollback')
        return rows
      })
    await fill(odd)
    const before = await look(odd)
    expect(before).toHaveLength(1)
    await plain.tenants.import(from(await exported(odd, 'odd')))
    expect(await look(plain)).toEqual(before)
    const back = await opened()
    afterFile(() => back.close())
    await back.tenants.import(from(await exported(plain, 'odd')))
    expect(await look(back)).toEqual(before)
  },
)
