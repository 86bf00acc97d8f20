// What each service does, that a dry run does nothing, and that doing it again is harmless.
import type { MaintenanceRun, RunOnceOptions, ServiceName } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { engine, failure, onEngines, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
const DAY = 86_400_000
const TENANTS = ['acme', 'globex', 'held']
for (const id of TENANTS) await fleet.tenants.create({ id })
const SYSTEM = { by: 'counsel' }
const held = await fleet.tenants.hold('held', { reason: 'case 7', ...SYSTEM })

const run = async (service: ServiceName, options: RunOnceOptions = {}): Promise<MaintenanceRun> => {
  const [done] = await fleet.maintenance.runOnce(service, options)
  return done as MaintenanceRun
}

/** Everything that a run could change: the catalog, and the rows of every table but those that record runs. */
async function everything(): Promise<unknown> {
  const catalog = await sql(
    fleet,
    `select c.oid::regclass::text as name, c.reloptions, c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    where c.relname !~ '^maintenance_' order by 1`,
  )
  const tables = await sql<{ name: string }>(
    fleet,
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    where c.relkind = 'r' and c.relname !~ '^maintenance_' order by 1`,
  )
  const rows: Record<string, unknown> = {}
  for (const { name } of tables) {
    const [row] = await sql(
      fleet,
      `select count(*)::integer as rows, md5(string_agg(t::text, ',' order by t::text)) as digest from ${name} t`,
    )
    rows[name] = row
  }
  return { catalog, rows }
}

/** Work of each kind for each tenant, some of it past its time. */
async function seed(): Promise<void> {
  for (const id of TENANTS) {
    const { memory, learning, delivery, metadata } = fleet.tenant(id)
    await memory.kv.setMany(Array.from({ length: 25 }, (_, n) => ({ key: `k${n}`, value: n, ttlMs: n < 20 ? 1 : DAY })))
    await learning.learn({ agentType: 'quality-gate', state: 1, action: 'pass', reward: 1 })
    await memory.sessions.create([{ data: { a: 1 } }])
    await delivery.metrics.record({ name: 'latency', numericValue: 1 })
    await metadata.entities.create([{ name: 'robot', syncGroup: 'REALTIME' }])
    await metadata.set({ entity: 'robot', key: 'position', value: 1 })
    await memory.events.append({ type: 'run.started', payload: {} })
  }
  await sql(
    fleet,
    `update memory.key_values set expires_at = now() - interval '1 second' where expires_at < now() + interval '1 hour'`,
  )
  await sql(fleet, `update memory.sessions set expires_at = now() - interval '1 second'`)
  await sql(fleet, `update learning.q_values set expires_at = now() - interval '1 second' where tenant_id = 'acme'`)
}
await seed()

const keysOf = async (tenant: string) =>
  (await sql(fleet, 'select key from memory.key_values where tenant_id = $1', [tenant])).length

test('a dry run of everything says what it would do, and changes nothing', async () => {
  const before = await everything()
  const runs = await fleet.maintenance.runOnce(undefined, { dryRun: true })
  expect(runs.map(({ service }) => service)).toEqual(fleet.maintenance.services().map(({ name }) => name))
  for (const one of runs)
    expect(one, JSON.stringify(one)).toMatchObject({ dryRun: true, outcome: expect.stringMatching(/^(ok|skipped)$/) })
  expect(await everything()).toEqual(before)
  const expiry = runs.find(({ service }) => service === 'expiry')
  expect(expiry?.done.counts).toMatchObject({ 'memory.key_values': 40, 'memory.sessions': 2, held: 1 })
  const ahead = runs.find(({ service }) => service === 'partitions-ahead')
  expect(ahead?.done.items).toContainEqual(expect.objectContaining({ action: 'created' }))
  expect(await sql(fleet, 'select * from platform.maintenance_positions')).toEqual([])
})

test('partitions-ahead makes this month and the next three of every registered table, once', async () => {
  const first = await run('partitions-ahead')
  expect(first).toMatchObject({ outcome: 'ok', error: null })
  const missing = await sql(fleet, 'select * from platform.find_missing_partitions(now(), 3)')
  expect(missing).toEqual([])
  expect((await sql(fleet, 'select * from platform.find_missing_partitions(now(), 4)')).length).toBeGreaterThan(5)
  expect((await run('partitions-ahead')).done.counts).toEqual({})
  const created = first.done.items[0]
  const [made] = await sql<Record<string, unknown>>(
    fleet,
    `select c.relrowsecurity, c.relforcerowsecurity, (select count(*)::integer from pg_policy p where p.polrelid = c.oid) as policies,
      (select count(*)::integer from aclexplode(c.relacl) x where x.grantee <> c.relowner) as grants
    from pg_class c where c.oid = $1::regclass`,
    [created?.object],
  )
  expect(made).toEqual({ relrowsecurity: true, relforcerowsecurity: true, policies: 1, grants: 0 })
})

describe('months are counted by UTC', () => {
  const months = async (at: string, count: number) =>
    (
      await fleet.database.lend(async (connection) => {
        await connection.query('begin')
        try {
          // A session elsewhere, where it is another day.
          await connection.query(`set local timezone = 'Pacific/Kiritimati'`)
          return (
            await connection.query<{ partition_name: string; month: Date }>(
              `select f.partition_name, f.month from platform.find_missing_partitions($1::timestamptz, $2::integer) f where f.table_name = 'events'`,
              [at, count],
            )
          ).rows
        } finally {
          await connection.query('rollback')
        }
      })
    ).map(({ partition_name, month }) => `${partition_name.slice(-6)} ${month.toISOString()}`)

  test.each([
    ['2030-12-31T23:59:59.999Z', ['203012 2030-12-01', '203101 2031-01-01', '203102 2031-02-01']],
    ['2031-01-01T00:00:00.000Z', ['203101 2031-01-01', '203102 2031-02-01', '203103 2031-03-01']],
    ['2032-01-31T23:59:59.999Z', ['203201 2032-01-01', '203202 2032-02-01', '203203 2032-03-01']],
    ['2032-02-29T12:00:00.000Z', ['203202 2032-02-01', '203203 2032-03-01', '203204 2032-04-01']],
  ])('at %s', async (at, expected) => {
    expect(await months(at, 2)).toEqual(expected.map((one) => `${one}T00:00:00.000Z`))
  })

  test('the last moment of a year and the first of the next lie in two partitions without a gap', async () => {
    const year = new Date().getUTCFullYear() + 1
    for (const month of [`${year}-12-01`, `${year + 1}-01-01`])
      await sql(fleet, `select platform.create_partition_ahead('memory', 'events', $1::timestamptz)`, [
        `${month}T00:00:00Z`,
      ])
    const bounds = await sql<{ bound: string }>(
      fleet,
      `select pg_get_expr(c.relpartbound, c.oid) as bound from pg_class c where c.relname = any ($1) order by c.relname`,
      [[`events_p${year}12`, `events_p${year + 1}01`]],
    )
    const [ends, begins] = [
      /TO \('([^']+)'\)/.exec(bounds[0]?.bound ?? ''),
      /FROM \('([^']+)'\)/.exec(bounds[1]?.bound ?? ''),
    ]
    expect(ends?.[1]).toBe(begins?.[1])
    const [floor] = await sql<{ id: string }>(fleet, 'select platform.uuid_floor($1::timestamptz)::text as id', [
      `${year + 1}-01-01T00:00:00Z`,
    ])
    expect(begins?.[1]).toBe(floor?.id)
  })

  test('other months and tables are refused', async () => {
    const create = (table: string, month: string) =>
      fleet.database.run(
        { name: 'test.create_ahead', text: 'select platform.create_partition_ahead($1, $2, $3::timestamptz)' },
        ['memory', table, month],
      )
    await failure(create('events', '2000-01-01T00:00:00Z'), 'INPUT_INVALID')
    await failure(create('events', new Date(Date.now() + 5 * DAY).toISOString()), 'INPUT_INVALID')
    await failure(create('key_values', '2027-01-01T00:00:00Z'), 'INPUT_INVALID')
  })
})

test('expiry removes what has expired, tenant by tenant, and nothing of a tenant under a hold', async () => {
  const done = await run('expiry', { options: { expiry: { rowsMax: 3 } } })
  expect(done).toMatchObject({
    outcome: 'ok',
    done: { counts: { 'memory.key_values': 40, 'memory.sessions': 2, 'learning.q_values': 1, held: 1 }, failures: 0 },
  })
  expect(done.done.items).toContainEqual({ action: 'held', object: 'tenant held', note: expect.any(String) })
  expect([await keysOf('acme'), await keysOf('globex'), await keysOf('held')]).toEqual([5, 5, 25])
  expect((await run('expiry')).done.counts).toEqual({ held: 1 })
})

test('a tenant with much to do does not keep the others waiting, and what is left is done by the next runs', async () => {
  for (const id of ['acme', 'globex']) {
    await fleet
      .tenant(id)
      .memory.kv.setMany(Array.from({ length: 30 }, (_, n) => ({ key: `x${n}`, value: n, ttlMs: 1 })))
  }
  await sql(fleet, `update memory.key_values set expires_at = now() - interval '1 second' where key like 'x%'`)
  const done = await run('expiry', { options: { expiry: { rowsMax: 5, batchesMax: 2 } } })
  expect(done.done).toMatchObject({ more: true, counts: { 'memory.key_values': 20 } })
  expect([await keysOf('acme'), await keysOf('globex')]).toEqual([25, 25])
  while ((await run('expiry', { options: { expiry: { rowsMax: 5, batchesMax: 2 } } })).done.more);
  expect([await keysOf('acme'), await keysOf('globex')]).toEqual([5, 5])
})

test('a hold that is lifted lets go', async () => {
  await fleet.tenants.lift('held', held.holdId, SYSTEM)
  expect((await run('expiry')).done.counts).toMatchObject({ 'memory.key_values': 20 })
  expect(await keysOf('held')).toBe(5)
})

test('staging-merge, rollups, audit-seals, summaries, deadlines and garbage do their work once', async () => {
  expect(await run('rollups')).toMatchObject({ outcome: 'ok' })
  expect((await sql(fleet, 'select 1 from delivery.metric_rollups')).length).toBeGreaterThan(0)
  expect((await run('rollups')).done.counts).toEqual({})
  expect((await run('audit-seals')).outcome).toBe('ok')
  expect((await run('summaries')).done.counts).toEqual({ summaries: 3, measured: 3 })
  expect((await sql(fleet, 'select 1 from learning.agent_performance')).length).toBeGreaterThan(0)
  for (const service of ['staging-merge', 'deadlines', 'garbage'] as const)
    expect((await run(service)).outcome).toBe('ok')
})

test('parent-statistics analyses partitioned tables that have changed, and then leaves them alone', async () => {
  await fleet.tenant('acme').memory.events.append(Array.from({ length: 50 }, () => ({ type: 'a.b', payload: {} })))
  await sql(fleet, 'analyze memory.events')
  await fleet.tenant('acme').memory.events.append(Array.from({ length: 200 }, () => ({ type: 'a.b', payload: {} })))
  // Partitions are analysed, as autovacuum does; the table above them is not.
  await sql(
    fleet,
    `do $$ declare v_leaf regclass; begin
      for v_leaf in select i.inhrelid from pg_inherits i where i.inhparent = 'memory.events'::regclass loop execute format('analyze %s', v_leaf); end loop;
    end $$`,
  )
  const estimated = async () =>
    (
      await sql<{ n: number }>(
        fleet,
        `select reltuples::integer as n from pg_class where oid = 'memory.events'::regclass`,
      )
    )[0]?.n
  const before = await estimated()
  const options = { options: { 'parent-statistics': { rowsMin: 100, shareMin: 0.1 } } }
  const done = await run('parent-statistics', options)
  expect(done.done.items).toContainEqual(expect.objectContaining({ action: 'analysed', object: 'memory.events' }))
  expect(await estimated()).toBe((before as number) + 200)
  // What a session has counted arrives a while later, and may call for it once more.
  const analysed = async () => (await run('parent-statistics', options)).done.items.map(({ object }) => object)
  await expect.poll(analysed, { timeout: 60_000 }).not.toContain('memory.events')
})

test('parent-statistics counts changes once, also of partitions that nobody else analyses', async () => {
  await fleet.tenant('acme').memory.events.append(Array.from({ length: 500 }, () => ({ type: 'a.b', payload: {} })))
  const options = { options: { 'parent-statistics': { rowsMin: 100, shareMin: 0.1 } } }
  const analysed = async () => (await run('parent-statistics', options)).done.items.map(({ object }) => object)
  await expect.poll(analysed, { timeout: 60_000 }).toContain('memory.events')
  await expect.poll(analysed, { timeout: 60_000 }).not.toContain('memory.events')
})

test('run-history forgets old runs, and keeps the last of each service', async () => {
  await sql(
    fleet,
    `update platform.maintenance_runs set started_at = started_at - interval '20 days', ended_at = ended_at - interval '20 days'`,
  )
  const before = await fleet.maintenance.runs({ limit: 1000 })
  expect((await run('run-history')).done.counts.runs).toBeGreaterThan(5)
  const after = await fleet.maintenance.runs({ limit: 1000 })
  expect(new Set(after.map(({ service }) => service))).toEqual(new Set(before.map(({ service }) => service)))
})

test('runs are listed newest first, page by page', async () => {
  const all = await fleet.maintenance.runs({ limit: 1000 })
  const [first] = await fleet.maintenance.runs({ limit: 1 })
  expect(first).toEqual(all[0])
  expect(await fleet.maintenance.runs({ after: first?.id as string, limit: 1000 })).toEqual(all.slice(1))
  const expiry = await fleet.maintenance.runs({ service: 'expiry' })
  expect(expiry.every(({ service }) => service === 'expiry')).toBe(true)
})

test('what does not apply here is skipped, and says why', async () => {
  const bloat = await run('index-bloat')
  expect(bloat).toMatchObject({
    outcome: 'skipped',
    done: { skipped: expect.stringMatching(engine === 'embedded' ? /embedded/ : /directUrl/) },
  })
  if (engine === 'embedded') expect(await run('autovacuum')).toMatchObject({ outcome: 'skipped' })
})

onEngines(['embedded'], 'a server has autovacuum')('the embedded database is vacuumed when told to', async () => {
  const fill = () =>
    sql(
      fleet,
      `insert into memory.artifact_names (tenant_id, scope, name, latest_version)
      select 'acme', gen_random_uuid(), 'name-' || n, 1 from generate_series(1, 2000) n`,
    )
  const bytes = async () =>
    (await sql<{ bytes: number }>(fleet, `select pg_relation_size('memory.artifact_names') as bytes`))[0]?.bytes
  await fill()
  const before = Number(await bytes())
  await sql(fleet, 'delete from memory.artifact_names')
  expect(Number(await bytes())).toBe(before)
  await fleet.database.lend((connection) => connection.query('vacuum (analyze)'))
  expect(Number(await bytes())).toBe(0)
})

onEngines(['direct', 'pooled'], 'the embedded database has no autovacuum')(
  'autovacuum is told to come to a table that would gather too many dead rows, with the statement that undoes it',
  async () => {
    await sql(
      fleet,
      `insert into memory.key_values (tenant_id, key, value, version, expires_at, created_at, updated_at)
      select 'acme', 'bulk-' || n, '1', 1, 'infinity', now(), now() from generate_series(1, 12000) n`,
    )
    await sql(fleet, `update memory.key_values set version = 2 where key = 'bulk-1'`)
    await sql(fleet, 'analyze memory.key_values')
    await sql(fleet, 'select pg_stat_force_next_flush()')
    const options = { options: { autovacuum: { deadShareMax: 0.1 } } }
    const changed = async () =>
      (await run('autovacuum', options)).done.items.filter(({ object }) => object === 'memory.key_values')
    const [item] = await changed()
    expect(item).toMatchObject({
      action: 'set',
      undo: expect.stringContaining('alter table memory.key_values reset ('),
    })
    const settings = async () =>
      (
        await sql<{ reloptions: string[] }>(
          fleet,
          `select reloptions from pg_class where oid = 'memory.key_values'::regclass`,
        )
      )[0]?.reloptions
    expect(await settings()).toEqual(
      expect.arrayContaining([expect.stringMatching(/^autovacuum_vacuum_scale_factor=0\.0/)]),
    )
    expect(await changed()).toEqual([])
    await sql(fleet, item?.undo as string)
    expect((await settings())?.join()).not.toContain('autovacuum_vacuum')
  },
)
