// What is retired: partitions that nobody wants kept, rows of those who want less, and nothing under a legal hold.
import type { MaintenanceRun, RunOnceOptions } from 'pgfleet'
import { v7 } from 'uuid'
import { expect, test } from 'vitest'
import { failure, onEngines, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
const DAY = 86_400_000
const TENANTS = ['a', 'b', 'c']
for (const id of TENANTS) await fleet.tenants.create({ id })
const { retention } = fleet.maintenance

const retire = async (options: RunOnceOptions = {}): Promise<MaintenanceRun> => {
  const [run] = await fleet.maintenance.runOnce('retention', options)
  return run as MaintenanceRun
}
const month = (days: number) => new Date(Date.now() - days * DAY).toISOString().slice(0, 7).replace('-', '')

/** An event of so many days ago, written when it was not too old. */
async function event(tenant: string, days: number): Promise<void> {
  const id = v7({ msecs: Date.now() - days * DAY })
  await sql(
    fleet,
    `update platform.partitioned_tables set retention = interval '4000 days' where table_name = 'events'`,
  )
  await sql(fleet, `select platform.ensure_partition('memory', 'events', $1::uuid)`, [id])
  await sql(fleet, `update platform.partitioned_tables set retention = interval '400 days' where table_name = 'events'`)
  await sql(
    fleet,
    `insert into memory.events (tenant_id, event_id, event_type, occurred_at, payload)
    values ($1, $2, 'a.b', now(), '{}')`,
    [tenant, id],
  )
}
const events = async () =>
  (
    await sql<{ tenant_id: string; days: number }>(
      fleet,
      `select tenant_id, round(extract(epoch from now() - platform.uuid_time(event_id)) / 86400)::integer as days
      from memory.events order by tenant_id, days`,
    )
  ).map(({ tenant_id, days }) => `${tenant_id} ${days}`)
const partitions = async () =>
  (
    await sql<{ name: string }>(
      fleet,
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'memory.events'::regclass order by 1`,
    )
  ).map(({ name }) => name)

test('a policy is set, listed and taken back', async () => {
  await retention.set({ tenant: 'a', table: 'memory.events', keepMs: 30 * DAY })
  expect(await retention.list({ tenant: 'a' })).toEqual([
    { tenant: 'a', table: 'memory.events', keepMs: 30 * DAY, changedAt: expect.any(Date) },
  ])
  await retention.set({ tenant: 'a', table: 'memory.events', keepMs: 31 * DAY })
  expect(await retention.list()).toMatchObject([{ keepMs: 31 * DAY }])
  await retention.set({ tenant: 'a', table: 'memory.events', keepMs: null })
  expect(await retention.list()).toEqual([])
  expect(await retention.tables()).toContainEqual({
    table: 'memory.events',
    keepMs: 400 * DAY,
    atEnd: 'drop',
  })
})

test('a policy that cannot be kept is refused', async () => {
  const set = (table: string, keepMs: number | null, tenant = 'a') => retention.set({ tenant, table, keepMs })
  await failure(set('memory.events', DAY - 1), 'INPUT_INVALID')
  await failure(set('memory.key_values', 30 * DAY), 'INPUT_INVALID')
  await failure(set('memory.events; drop', 30 * DAY), 'INPUT_INVALID')
  await failure(set('memory.events', 30 * DAY, 'nobody'), 'TENANT_UNKNOWN')
  // Seals, and calls that are repeated, rely on these.
  await failure(set('delivery.audit_log', 30 * DAY), 'INPUT_INVALID')
  await failure(set('learning.experiences', 2 * DAY), 'INPUT_INVALID')
  await set('delivery.audit_log', 800 * DAY)
  await set('delivery.audit_log', null)
})

test('a partition goes when all agree; who wants more, or is under a hold, keeps it, and the rows of the others go', async () => {
  for (const days of [900, 600, 500, 100, 1]) for (const tenant of TENANTS) await event(tenant, days)
  await sql(
    fleet,
    `delete from memory.events where tenant_id = 'c' and platform.uuid_time(event_id) < now() - interval '850 days'`,
  )
  await retention.set({ tenant: 'b', table: 'memory.events', keepMs: 700 * DAY })
  const { holdId } = await fleet.tenants.hold('c', { reason: 'case', by: 'counsel' })
  const before = await events()
  const dry = await retire({ dryRun: true })
  expect(await events()).toEqual(before)
  expect(dry.done.items).toContainEqual(
    expect.objectContaining({ action: 'dropped', object: `memory.events_p${month(900)}` }),
  )
  const run = await retire()
  expect(run).toMatchObject({ outcome: 'ok', done: { counts: { dropped: 1, kept: 2, held: 1, 'memory.events': 2 } } })
  expect(run.done.counts.bytes).toBeGreaterThan(0)
  // 900 days ago: nobody has rows any more but those who do not want them. 600 and 500: b wants them, c may not lose them.
  expect(await events()).toEqual(['a 1', 'a 100', 'b 1', 'b 100', 'b 500', 'b 600', 'c 1', 'c 100', 'c 500', 'c 600'])
  expect(await partitions()).not.toContain(`events_p${month(900)}`)
  expect((await retire()).done.counts).toEqual({ kept: 2, held: 1 })
  await retention.set({ tenant: 'b', table: 'memory.events', keepMs: null })
  expect((await retire()).done.counts).toMatchObject({ kept: 2, held: 1, 'memory.events': 2 })
  await fleet.tenants.lift('c', holdId, { by: 'counsel' })
  expect((await retire()).done.counts).toMatchObject({ dropped: 2 })
  expect(await events()).toEqual(['a 1', 'a 100', 'b 1', 'b 100', 'c 1', 'c 100'])
})

test('a tenant that wants less loses its rows one by one, in bounded steps', async () => {
  await retention.set({ tenant: 'a', table: 'memory.events', keepMs: 50 * DAY })
  for (let n = 0; n < 9; n++) await event('a', 60)
  const run = await retire({ options: { retention: { rowsMax: 2 } } })
  expect(run.done.counts).toEqual({ 'memory.events': 10 })
  expect(await events()).toEqual(['a 1', 'b 1', 'b 100', 'c 1', 'c 100'])
  await retention.set({ tenant: 'a', table: 'memory.events', keepMs: null })
})

test('when all want less than is registered, whole months go', async () => {
  for (const tenant of TENANTS) await retention.set({ tenant, table: 'memory.events', keepMs: 40 * DAY })
  const run = await retire()
  expect(run.done.items).toContainEqual(
    expect.objectContaining({ action: 'dropped', object: `memory.events_p${month(100)}` }),
  )
  expect(await events()).toEqual(['a 1', 'b 1', 'c 1'])
  for (const tenant of TENANTS) await retention.set({ tenant, table: 'memory.events', keepMs: null })
})

test('webhooks and the superseded past of the graph go where a policy says so', async () => {
  for (const tenant of ['a', 'b']) {
    await sql(
      fleet,
      `insert into delivery.webhook_rejects (tenant_id, delivery_id, event, received_at, reason)
      values ($1, gen_random_uuid()::text, 'push', now() - interval '100 days', 'test')`,
      [tenant],
    )
  }
  await retention.set({ tenant: 'a', table: 'delivery.webhook_deliveries', keepMs: 10 * DAY })
  await retention.set({ tenant: 'a', table: 'memory.entity_versions', keepMs: 10 * DAY })
  expect((await retire()).done.counts).toEqual({ 'delivery.webhook_deliveries': 1 })
  expect(await sql(fleet, 'select tenant_id from delivery.webhook_rejects')).toEqual([{ tenant_id: 'b' }])
})

test('rollups go where a policy says so: each resolution by itself, and of one tenant', async () => {
  const fill = (tenant: string) =>
    sql(
      fleet,
      `with series as (
        insert into delivery.metric_series (tenant_id, series_id, name, category, metric_type, dimensions)
        select $1, gen_random_uuid(), 'm' || n, 'usage', 'gauge', '{}' from generate_series(1, 3) n
        returning tenant_id, series_id
      )
      insert into delivery.metric_rollups (tenant_id, resolution, series_id, bucket, points, total, minimum, maximum, first_id,
        first_value, last_id, last_value, sketch_keys, sketch_counts)
      select s.tenant_id, r, s.series_id, date_trunc(r, now() - days * interval '1 day', 'UTC'), 1, 1, 1, 1, gen_random_uuid(), 1,
        gen_random_uuid(), 1, '{20000}', '{1}'
      from series s, unnest(array['minute', 'hour', 'day']) r, generate_series(1, 9, 2) days`,
      [tenant],
    )
  const left = async () =>
    (
      await sql<{ text: string }>(
        fleet,
        `select tenant_id || ' ' || resolution || ' ' || string_agg(distinct round(extract(epoch from now() - bucket) / 86400)::text, ',') as text
        from delivery.metric_rollups where resolution <> 'day' group by tenant_id, resolution order by 1`,
      )
    ).map(({ text }) => text)
  await fill('b')
  await fill('c')
  await retention.set({ tenant: 'b', table: 'delivery.minute_rollups', keepMs: 2 * DAY })
  await retention.set({ tenant: 'b', table: 'delivery.hour_rollups', keepMs: 6 * DAY })
  const { holdId } = await fleet.tenants.hold('b', { reason: 'case', by: 'counsel' })
  expect((await retire()).done.counts).not.toHaveProperty('delivery.minute_rollups')
  await fleet.tenants.lift('b', holdId, { by: 'counsel' })
  // In steps that are smaller than what goes.
  const run = await retire({ options: { retention: { rowsMax: 5 } } })
  expect(run.done.counts).toMatchObject({ 'delivery.minute_rollups': 12, 'delivery.hour_rollups': 6 })
  expect(run.outcome).toBe('ok')
  expect(await left()).toEqual(['b hour 1,3,5', 'b minute 1', 'c hour 1,3,5,7,9', 'c minute 1,3,5,7,9'])
  expect(await sql(fleet, `select from delivery.metric_rollups where resolution = 'day'`)).toHaveLength(30)
  // A day that the last moment to keep lies in stays whole.
  await retention.set({ tenant: 'b', table: 'delivery.day_rollups', keepMs: 5 * DAY })
  expect((await retire()).done.counts).toEqual({ 'delivery.day_rollups': 6 })
  for (const table of ['minute', 'hour', 'day'])
    await retention.set({ tenant: 'b', table: `delivery.${table}_rollups`, keepMs: null })
  expect(
    await failure(retention.set({ tenant: 'b', table: 'delivery.week_rollups', keepMs: DAY }), 'INPUT_INVALID'),
  ).toMatchObject({ field: 'table' })
})

onEngines(['direct', 'pooled'], 'the embedded engine has one connection')(
  'a partition that somebody holds is not waited for long: the run fails alone, says so, and others go on',
  async () => {
    for (const days of [900, 600]) await event('a', days)
    const holder = fleet.database.lend(async (connection) => {
      await connection.query('begin')
      await connection.query(`lock table memory.events_p${month(900)} in access share mode`)
      try {
        const runs = await fleet.maintenance.runOnce(undefined, {
          services: ['partitions-ahead', 'retention', 'expiry'],
          lockTimeoutMs: 50,
        })
        expect(runs.map(({ service, outcome }) => `${service} ${outcome}`)).toEqual([
          'partitions-ahead ok',
          'expiry ok',
          'retention failed',
        ])
        const failed = runs[2] as MaintenanceRun
        expect(failed.error).toMatchObject({ code: 'CONFLICT' })
        expect(failed.done.items).toContainEqual(
          expect.objectContaining({ action: 'failed', object: `memory.events_p${month(900)}`, code: 'CONFLICT' }),
        )
        // The other partition went all the same.
        expect(failed.done.counts).toMatchObject({ dropped: 1 })
      } finally {
        await connection.query('rollback')
      }
    })
    await holder
    expect((await retire()).done.counts).toMatchObject({ dropped: 1 })
  },
)

onEngines(['direct', 'pooled'], 'statement_timeout never fires in the embedded engine')(
  'a batch that takes too long is ended; the tenant is reported, and the others are done',
  async () => {
    await fleet.maintenance.runOnce('summaries')
    await fleet.database.lend(async (connection) => {
      await connection.query('begin')
      await connection.query(`select 1 from learning.agent_performance where tenant_id = 'b' for update`)
      try {
        const [run] = await fleet.maintenance.runOnce('summaries', { lockTimeoutMs: 60_000, batchTimeoutMs: 200 })
        expect(run).toMatchObject({ outcome: 'failed', error: { code: 'TIMEOUT' }, done: { failures: 1 } })
        expect(run?.done.counts).toMatchObject({ summaries: 2, measured: 3 })
        expect(run?.done.items).toContainEqual(expect.objectContaining({ action: 'failed', object: 'tenant b' }))
      } finally {
        await connection.query('rollback')
      }
    })
  },
)
