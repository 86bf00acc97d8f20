// The leader is killed in the middle of each service: while its batch waits for a lock that the test holds. Nothing may be half
// done, and another goes on.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { openFleet, type ServiceName } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { afterFile, createTestDatabase, engine, onEngines, sql, type TestDatabase } from '../setup/index.js'

const LEADER = fileURLToPath(new URL('leader.mjs', import.meta.url))
const TENANTS = ['acme', 'globex', 'initech']

type Fleet = Awaited<ReturnType<typeof openFleet>>

/** A service with work to do, and what stands when it is done. */
interface Trial {
  readonly service: ServiceName
  /** Makes the work. */
  readonly arrange?: (fleet: Fleet) => Promise<unknown>
  /** What the batch has to wait for. */
  readonly lock: string
  readonly options?: object
  /** One row: what tells whether the work is done. */
  readonly look: string
  /** That row before, and still when the leader has been killed. */
  readonly before: object
  /** That row when another has gone on. */
  readonly after: object
}

const each = async (fleet: Fleet, work: (tenant: ReturnType<Fleet['tenant']>) => Promise<unknown>) => {
  for (const id of TENANTS) await work(fleet.tenant(id))
}
const exclusively = (table: string) => `lock table ${table} in exclusive mode`

const TRIALS: readonly Trial[] = [
  {
    service: 'partitions-ahead',
    lock: exclusively('memory.events'),
    look: `select (select count(*) > 0 from platform.find_missing_partitions(now(), 3) f where f.table_name = 'events') as missing,
      (select count(*)::integer from pg_class c where c.relname ~ '_p[0-9]{6}$' and c.relkind = 'r' and not c.relispartition) as unattached`,
    before: { missing: true, unattached: 0 },
    after: { missing: false, unattached: 0 },
  },
  {
    service: 'staging-merge',
    arrange: (fleet) =>
      each(fleet, async ({ metadata }) => {
        await metadata.groups.set({ name: 'VOLATILE', durability: 'volatile' })
        await metadata.entities.create({ name: 'robot', syncGroup: 'VOLATILE' })
        for (let n = 0; n < 5; n++) await metadata.set({ entity: 'robot', key: `k${n}`, value: n })
      }),
    lock: exclusively('metadata.entries'),
    look: `select (select count(*)::integer from metadata.volatile_entries) as staged, (select count(*)::integer from metadata.entries) as merged`,
    before: { staged: 15, merged: 0 },
    after: { staged: 0, merged: 15 },
  },
  {
    service: 'deadlines',
    arrange: async (fleet) => {
      await each(fleet, ({ delivery }) =>
        delivery.workflows.create({ name: 'slow', start: true, timeoutMs: 60_000, tasks: [{ name: 'a' }] }),
      )
      await sql(
        fleet,
        `update delivery.workflows set deadline_at = now() - interval '1 second' where deadline_at is not null`,
      )
    },
    lock: exclusively('delivery.workflows'),
    look: `select count(*) filter (where status = 'running')::integer as running, count(*) filter (where status = 'timeout')::integer as ended,
      (select count(*)::integer from delivery.jobs) as jobs from delivery.workflows`,
    before: { running: 3, ended: 0, jobs: 3 },
    after: { running: 0, ended: 3, jobs: 0 },
  },
  {
    service: 'rollups',
    arrange: (fleet) =>
      each(fleet, async ({ delivery }) => {
        for (let n = 0; n < 5; n++) await delivery.metrics.record({ name: 'latency', numericValue: n })
      }),
    lock: exclusively('delivery.metric_rollups'),
    look: `select coalesce(sum(points) filter (where resolution = 'minute'), 0)::integer as points from delivery.metric_rollups`,
    before: { points: 0 },
    after: { points: 15 },
  },
  {
    service: 'audit-seals',
    arrange: (fleet) =>
      each(fleet, ({ delivery }) => delivery.audit.record({ entityType: 'gate', entityId: 'g', action: 'approve' })),
    lock: exclusively('delivery.audit_seals'),
    look: `select count(distinct tenant_id)::integer as sealed from delivery.audit_seals`,
    before: { sealed: 0 },
    after: { sealed: 3 },
  },
  {
    service: 'expiry',
    arrange: async (fleet) => {
      await each(fleet, ({ memory }) =>
        memory.kv.setMany(Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, value: n, ttlMs: 1 }))),
      )
      await sql(fleet, `update memory.key_values set expires_at = now() - interval '1 second'`)
    },
    lock: exclusively('memory.key_values'),
    options: { rowsMax: 1 },
    look: 'select count(*)::integer as expired from memory.key_values',
    before: { expired: 60 },
    after: { expired: 0 },
  },
  {
    service: 'retention',
    arrange: async (fleet) => {
      const old = `now() - interval '90 days'`
      await sql(fleet, `select platform.ensure_partition('memory', 'events', platform.uuid_floor(${old}))`)
      await sql(
        fleet,
        `insert into memory.events (tenant_id, event_id, event_type, occurred_at)
        select t, overlay(gen_random_uuid()::text placing left(platform.uuid_floor(${old})::text, 15) from 1 for 15)::uuid, 'old', now()
        from unnest($1::text[]) t, generate_series(1, 10)`,
        [TENANTS],
      )
      await fleet.maintenance.retention.set({ tenant: 'acme', table: 'memory.events', keepMs: 30 * 86_400_000 })
    },
    lock: exclusively('memory.events'),
    options: { rowsMax: 1 },
    look: `select count(*) filter (where tenant_id = 'acme')::integer as past, count(*) filter (where tenant_id <> 'acme')::integer as kept
      from memory.events where event_type = 'old'`,
    before: { past: 10, kept: 20 },
    after: { past: 0, kept: 20 },
  },
  {
    service: 'garbage',
    arrange: (fleet) =>
      each(fleet, async ({ memory }) => {
        const { id } = await memory.artifacts.put({ name: 'a.txt', content: 'some text' })
        await memory.artifacts.delete(id)
      }),
    lock: exclusively('memory.artifact_contents'),
    options: { graceMs: 0 },
    look: `select (select count(*)::integer from memory.artifact_contents) as contents, (select count(*)::integer from memory.artifact_chunks) as chunks`,
    before: { contents: 3, chunks: 3 },
    after: { contents: 0, chunks: 0 },
  },
  {
    service: 'summaries',
    lock: exclusively('learning.agent_performance'),
    look: 'select count(*)::integer as summaries from learning.agent_performance',
    before: { summaries: 0 },
    after: { summaries: 3 * 18 },
  },
  {
    service: 'parent-statistics',
    arrange: async (fleet) => {
      await fleet.tenant('acme').memory.events.append(Array.from({ length: 200 }, () => ({ type: 'a.b', payload: {} })))
      await sql(
        fleet,
        `do $$ declare v_leaf regclass; begin
          for v_leaf in select i.inhrelid from pg_inherits i where i.inhparent = 'memory.events'::regclass loop execute format('analyze %s', v_leaf); end loop;
        end $$`,
      )
    },
    lock: exclusively('memory.events'),
    options: { rowsMin: 100 },
    look: `select reltuples >= 200 as analysed from pg_class where oid = 'memory.events'::regclass`,
    before: { analysed: false },
    after: { analysed: true },
  },
  {
    service: 'autovacuum',
    arrange: async (fleet) => {
      await sql(
        fleet,
        `insert into memory.key_values (tenant_id, key, value, version, expires_at, created_at, updated_at)
        select 'acme', 'bulk-' || lpad(n::text, 60, '0'), '1', 1, 'infinity', now(), now() from generate_series(1, 60000) n`,
      )
      await sql(fleet, `delete from memory.key_values where right(key, 1) <> '7'`)
      // A worker of autovacuum would hold the table too.
      await sql(fleet, 'alter table memory.key_values set (autovacuum_enabled = false)')
      await sql(fleet, 'vacuum analyze memory.key_values')
      await sql(fleet, 'select pg_stat_force_next_flush()')
    },
    lock: exclusively('memory.key_values'),
    options: { rowsMin: 1000 },
    look: `select coalesce(array_to_string(reloptions, ',') ~ 'vacuum_scale_factor=', false) as told from pg_class where oid = 'memory.key_values'::regclass`,
    before: { told: false },
    after: { told: true },
  },
  {
    service: 'index-bloat',
    // A rebuild has made its new index, and waits for those who wrote before it.
    lock: 'lock table memory.key_values in row exclusive mode',
    options: { bytesMin: 1_000_000 },
    look: `select (select count(*)::integer from pg_class where relname = 'key_values_pkey_ccnew') as left_behind,
      pg_relation_size('memory.key_values_pkey') < 2000000 as rebuilt`,
    before: { left_behind: 1, rebuilt: false },
    after: { left_behind: 0, rebuilt: true },
  },
  {
    service: 'run-history',
    arrange: (fleet) =>
      sql(
        fleet,
        `insert into platform.maintenance_runs (run_id, service, leader, token, is_dry_run, started_at, ended_at, outcome)
        select overlay(gen_random_uuid()::text placing left(platform.uuid_floor(now() - interval '30 days')::text, 15) from 1 for 15)::uuid, 'expiry', 'old', 0, false, now() - interval '30 days', now() - interval '30 days', 'ok' from generate_series(1, 5)`,
      ),
    lock: `select 1 from platform.maintenance_runs where leader = 'old' for update`,
    look: `select count(*)::integer as old from platform.maintenance_runs where leader = 'old'`,
    before: { old: 5 },
    after: { old: 0 },
  },
]

onEngines(['direct'], 'it takes a process of its own on a server').describe('a leader that is killed', () => {
  let database: TestDatabase
  let fleet: Fleet
  beforeAll(async () => {
    if (engine !== 'direct') return
    database = await createTestDatabase()
    fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    for (const id of TENANTS) await fleet.tenants.create({ id })
  })

  test('every service is tried', () => {
    // The archive's steps are many: test/archive/kills.test.ts.
    expect([...TRIALS.map(({ service }) => service), 'archive'].toSorted()).toEqual(
      fleet.maintenance
        .services()
        .map(({ name }) => name)
        .toSorted(),
    )
  })

  test.each(TRIALS)('in the middle of $service leaves nothing half done, and another takes over', async (trial) => {
    const { service, arrange, lock, options = {}, look, before, after } = trial
    await arrange?.(fleet)
    const holder = new pg.Client({ connectionString: database.adminUrl() })
    await holder.connect()
    afterFile(() => holder.end())
    await holder.query('begin')
    await holder.query(lock)
    const child = spawn(process.execPath, [LEADER, database.adminUrl(), service, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.on('close', resolve))
    // It waits for the lock, so it is in the middle of a batch.
    const [{ pid: mine }] = (await holder.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [
      { pid: number },
    ]
    let waiting: { pid: number }[] = []
    while (waiting.length === 0) {
      waiting = await sql(
        fleet,
        'select a.pid from pg_stat_activity a where $1::integer = any (pg_blocking_pids(a.pid))',
        [mine],
      )
      expect(child.exitCode).toBeNull()
    }
    child.kill('SIGKILL')
    await ended
    // The server ends a session when it notices that its client is gone; here it does at once.
    for (const { pid } of waiting) await sql(fleet, 'select pg_terminate_backend($1::integer, 10000)', [pid])
    await holder.query('rollback')
    expect(await sql(fleet, look)).toEqual([before])
    const open = await sql<{ run_id: string }>(
      fleet,
      'select run_id from platform.maintenance_runs where ended_at is null',
    )

    fleet.maintenance.start({
      services: [service],
      options: { [service]: options },
      directUrl: database.adminUrl(),
      intervalMs: 100,
      leaseMs: 500,
    })
    await expect.poll(() => sql(fleet, look), { timeout: 120_000 }).toEqual([after])
    await fleet.maintenance.stop()
    const runs = await fleet.maintenance.runs({ service, limit: 1000 })
    expect(runs.filter(({ outcome }) => outcome === null || outcome === 'failed')).toEqual([])
    const interrupted = runs.filter(({ outcome }) => outcome === 'interrupted').map(({ id }) => id)
    expect(interrupted).toEqual(expect.arrayContaining(open.map(({ run_id }) => run_id)))
    expect(open).toHaveLength(1)
  })
})
