// What takes a server: a leader that is killed, the rights of logins, rebuilding indexes.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { openFleet, type ServiceName } from 'pgfleet'
import { expect, test } from 'vitest'
import { engine } from '../setup/engine.js'
import { afterFile, createLogin, createTestDatabase, failure, onEngines, sql } from '../setup/index.js'

const LEADER = fileURLToPath(new URL('leader.mjs', import.meta.url))

const operator = engine === 'embedded' ? undefined : await createLogin({ memberOf: ['pgfleet_operator'] })
const measurer =
  engine === 'embedded' ? undefined : await createLogin({ memberOf: ['pgfleet_operator', 'pg_stat_scan_tables'] })
const app = engine === 'embedded' ? undefined : await createLogin({ memberOf: ['pgfleet_app'] })

onEngines(['direct'], 'it takes a process of its own on a server').describe('a leader that is killed', () => {
  // In the middle of its work: many tenants, small batches.
  test.each<[ServiceName, object]>([
    ['expiry', { rowsMax: 1 }],
    ['summaries', {}],
    ['partitions-ahead', { months: 12 }],
    ['retention', { rowsMax: 1 }],
  ])('during %s leaves nothing half done, and another takes over', async (service, options) => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    for (let n = 0; n < 40; n++) await fleet.tenants.create({ id: `t${n}` })
    await sql(
      fleet,
      `insert into memory.key_values (tenant_id, key, value, version, expires_at, created_at, updated_at)
      select 't' || t, 'k' || n, '1', 1, now() - interval '1 second', now(), now() from generate_series(0, 39) t, generate_series(1, 50) n`,
    )
    await sql(
      fleet,
      `select platform.ensure_partition('memory', 'events', platform.uuid_floor(now() - interval '90 days'))`,
    )
    await sql(
      fleet,
      `insert into memory.events (tenant_id, event_id, event_type, occurred_at)
      select 't' || t, overlay(gen_random_uuid()::text placing left(platform.uuid_floor(now() - interval '90 days')::text, 15) from 1 for 15)::uuid, 'a.b', now()
      from generate_series(0, 39) t, generate_series(1, 50) n`,
    )
    await fleet.maintenance.retention.set({ tenant: 't0', table: 'memory.events', keepMs: 30 * 86_400_000 })
    for (let n = 1; n < 20; n++) {
      await fleet.maintenance.retention.set({ tenant: `t${n}`, table: 'memory.events', keepMs: 30 * 86_400_000 })
    }
    const child = spawn(process.execPath, [LEADER, database.adminUrl(), service, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.on('close', resolve))
    // Its run has begun, and is not over: then it is killed.
    for (let isOpen = false; !isOpen; ) {
      const rows = await sql(fleet, 'select 1 from platform.maintenance_runs where ended_at is null')
      isOpen = rows.length > 0
      expect(child.exitCode).toBeNull()
    }
    child.kill('SIGKILL')
    await ended
    const left = await sql(fleet, 'select run_id from platform.maintenance_runs where ended_at is null')
    // Another waits for the end of the lease, and goes on.
    const done = await new Promise<{ outcome: string | null }>((resolve) => {
      fleet.maintenance.start({ services: [service], options: { [service]: {} }, leaseMs: 500, onRun: resolve })
    })
    await fleet.maintenance.stop()
    expect(done.outcome).toBe('ok')
    const runs = await fleet.maintenance.runs({ limit: 1000 })
    expect(runs.filter(({ outcome }) => outcome === null)).toEqual([])
    expect(runs.filter(({ outcome }) => outcome === 'interrupted')).toHaveLength(left.length)
    const [state] = await sql<Record<string, number>>(
      fleet,
      `select (select count(*)::integer from memory.key_values) as expired, (select count(*)::integer from learning.agent_performance) as summaries,
        (select count(*)::integer from platform.find_missing_partitions(now(), 3)) as missing, (select count(*)::integer from memory.events) as events,
        (select count(*)::integer from pg_class c where c.relname ~ '_p[0-9]{6}$' and c.relkind = 'r' and not c.relispartition) as unattached`,
    )
    expect(state?.unattached).toBe(0)
    if (service === 'expiry') expect(state?.expired).toBe(0)
    if (service === 'summaries') expect(state?.summaries).toBe(40 * 18)
    if (service === 'partitions-ahead') expect(state?.missing).toBe(0)
    if (service === 'retention') expect(state?.events).toBe(20 * 50)
  })
})

onEngines(['direct', 'pooled'], 'the embedded engine has one login, a superuser').describe('rights', async () => {
  test('a login that is a member of pgfleet_operator maintains, and does nothing else', async () => {
    const database = await createTestDatabase()
    const admin = await openFleet(database.options)
    afterFile(() => admin.close())
    await admin.tenants.create({ id: 'acme' })
    await admin.tenant('acme').memory.kv.set('k', 1, { ttlMs: 1 })
    const fleet = await openFleet({ url: database.urlOf(operator as NonNullable<typeof operator>) })
    afterFile(() => fleet.close())
    const runs = await fleet.maintenance.runOnce()
    for (const run of runs)
      expect(run, JSON.stringify(run)).toMatchObject({ outcome: expect.stringMatching(/^(ok|skipped)$/) })
    expect((await fleet.maintenance.runs()).length).toBe(runs.length)
    await failure(fleet.tenants.create({ id: 'mine' }), 'PERMISSION_DENIED')
    await failure(fleet.maintenance.retention.list(), 'PERMISSION_DENIED')
    for (const text of [
      'select * from learning.q_values',
      'select * from platform.tenants',
      'select * from platform.retention_policies',
      `update platform.maintenance_leases set holder = 'me'`,
      'delete from platform.maintenance_runs',
      `select platform.create_partition('memory', 'events', now())`,
      'drop table memory.key_values',
    ])
      await failure(fleet.database.run({ name: `test.${text}`, text }, []), 'PERMISSION_DENIED')
  })

  test('the login of an application can call none of it, and is told which right it lacks', async () => {
    const database = await createTestDatabase()
    const admin = await openFleet(database.options)
    afterFile(() => admin.close())
    const fleet = await openFleet({ url: database.urlOf(app as NonNullable<typeof app>) })
    afterFile(() => fleet.close())
    const error = await failure(fleet.maintenance.runOnce(), 'PERMISSION_DENIED')
    expect(error.message).toContain('pgfleet_operator')
    expect(error.hint).toContain('grant pgfleet_operator')
    await failure(fleet.maintenance.runs(), 'PERMISSION_DENIED')
    // Every function that the operator may execute, but for the two that both need.
    const routines = await sql<{ name: string; call: string }>(
      admin,
      `select p.oid::regprocedure::text as name,
        format('select %s.%I(%s)', n.nspname, p.proname, (select string_agg('null::' || format_type(a, null), ', ') from unnest(p.proargtypes) a)) as call
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspowner = 'pgfleet_owner'::regrole
      where has_function_privilege('pgfleet_operator', p.oid, 'execute')
        and p.oid <> all (array['platform.enter(text)', 'metadata.empty_change_slot()']::regprocedure[]::oid[])`,
    )
    expect(routines.length).toBeGreaterThan(15)
    for (const { name, call } of routines) {
      const refused = await failure(fleet.database.run({ name: `test.${name}`, text: call }, []), 'PERMISSION_DENIED')
      expect(refused.message, name).toContain('permission denied for function')
    }
  })
})

onEngines(['direct'], 'indexes are rebuilt on a direct connection')(
  'an index that is mostly empty is rebuilt, what an interrupted rebuild left is dropped, and a login without the right is told',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    await fleet.tenants.create({ id: 'acme' })
    const admin = new pg.Client({ connectionString: database.adminUrl() })
    await admin.connect()
    afterFile(() => admin.end())
    await admin.query(
      `insert into memory.key_values (tenant_id, key, value, version, expires_at, created_at, updated_at)
      select 'acme', 'key-' || lpad(n::text, 60, '0'), '1', 1, 'infinity', now(), now() from generate_series(1, 60000) n`,
    )
    await admin.query(`delete from memory.key_values where right(key, 1) <> '7'`)
    await admin.query('vacuum analyze memory.key_values')
    const size = async () =>
      Number((await admin.query(`select pg_relation_size('memory.key_values_pkey') as size`)).rows[0].size)
    const before = await size()
    // As an interrupted REINDEX CONCURRENTLY leaves it.
    await admin.query(`create unique index key_values_pkey_ccnew on memory.key_values (tenant_id, key)`)
    await admin.query(
      `update pg_index set indisvalid = false where indexrelid = 'memory.key_values_pkey_ccnew'::regclass`,
    )
    const options = { directUrl: database.adminUrl(), options: { 'index-bloat': { bytesMin: 1_000_000 } } }
    const [dry] = await fleet.maintenance.runOnce('index-bloat', { ...options, dryRun: true })
    expect(dry).toMatchObject({ outcome: 'ok', done: { counts: { dropped: 1, rebuilt: 1 } } })
    expect(await size()).toBe(before)
    const [run] = await fleet.maintenance.runOnce('index-bloat', options)
    expect(run, JSON.stringify(run)).toMatchObject({ outcome: 'ok', error: null })
    expect(run?.done.items.map(({ action, object }) => `${action} ${object}`)).toEqual([
      'dropped memory.key_values_pkey_ccnew',
      'rebuilt memory.key_values_pkey',
    ])
    expect(await size()).toBeLessThan(before / 2)
    const [again] = await fleet.maintenance.runOnce('index-bloat', options)
    expect(again?.done.items).toEqual([])
    // An index that is not what a rebuild leaves cannot be dropped by this.
    await failure(
      fleet.database.run(
        { name: 'test.drop', text: `select platform.drop_leftover_index('memory', 'key_values_pkey')` },
        [],
      ),
      'INPUT_INVALID',
    )
    await admin.query('create extension if not exists pgstattuple')
    await admin.query(
      `insert into memory.key_values (tenant_id, key, value, version, expires_at, created_at, updated_at)
      select 'acme', 'more-' || lpad(n::text, 60, '0'), '1', 1, 'infinity', now(), now() from generate_series(1, 60000) n`,
    )
    await admin.query(`delete from memory.key_values where right(key, 2) <> '17'`)
    await admin.query('vacuum analyze memory.key_values')
    // Measured now; by a login that may do that, and not rebuild.
    const measuring = { options: { 'index-bloat': { bytesMin: 1_000_000, freeMin: 0.1 } } }
    const url = database.urlOf(measurer as NonNullable<typeof measurer>)
    const other = await openFleet({ url })
    afterFile(() => other.close())
    const [refused] = await other.maintenance.runOnce('index-bloat', { ...measuring, directUrl: url })
    expect(refused, JSON.stringify(refused)).toMatchObject({ outcome: 'failed', error: { code: 'PERMISSION_DENIED' } })
    expect(refused?.error?.message).toContain('pg_maintain')
    const [measured] = await fleet.maintenance.runOnce('index-bloat', { ...measuring, directUrl: database.adminUrl() })
    expect(measured).toMatchObject({ outcome: 'ok', done: { counts: { rebuilt: 1 } } })
  },
)
