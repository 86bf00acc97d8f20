// Three settings that are bad, one that only looks so, and a change that does harm: on a server with traffic.
import { createTuner, type Fleet, openFleet, type TunerOptions } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { onScratchServers, type ScratchServer, startPooler, startServer } from '../doctor/scratch-server.js'
import { crashing, mayCrash } from '../setup/crash.js'
import { afterFile, failure } from '../setup/index.js'
import { startTraffic } from './traffic.js'

const DIRECT = await onScratchServers()

const GB = 1024 ** 3
const FAST: TunerOptions = { windowMs: 750, settleMs: 15_000, callsMin: 5, coolDownMs: 3_600_000, memoryBytes: 64 * GB }

/** Without memory for a hash table of `b` the server goes through a file of it for each row of `a`. */
const SPILLS = 'select count(*) from a where n not in (select n from b)'

let server: ScratchServer
let fleet: Fleet

DIRECT.describe('settings of a server with traffic', () => {
  beforeAll(async () => {
    server = await startServer(17, {
      settings: {
        shared_preload_libraries: 'pg_stat_statements',
        work_mem: '64kB',
        autovacuum_naptime: '1s',
        autovacuum_vacuum_scale_factor: '100',
        fsync: 'off',
        synchronous_commit: 'off',
      },
    })
    fleet = await openFleet({ url: server.url })
    afterFile(() => fleet.close())
    const client = await server.client()
    await client.query(`
      create extension pg_stat_statements;
      set search_path = public, extensions;
      create table a (n int); insert into a select g from generate_series(1, 6) g;
      create table b (n int); insert into b select g from generate_series(1000, 9000) g;
      create table tasks (id int primary key, state int); create index on tasks (state);
      insert into tasks select g, 0 from generate_series(1, 3000) g;
      create table items (id int primary key, at vector(8));
      insert into items select g, array(select random() + g * 0 from generate_series(1, 8))::vector from generate_series(1, 3000) g;
      create index on items using hnsw (at vector_l2_ops);
      create function heavier() returns int language plpgsql as $$
      begin
        -- What a plan does that is chosen once there is memory for it.
        if current_setting('work_mem') <> '64kB' then perform pg_sleep(0.15); end if;
        return 1;
      end $$;
      create role reporter login password 'x'; create role careful login password 'x'; create role victim login password 'x';
      create role worker login password 'x'; create role searcher login password 'x';
      alter role careful set work_mem = '64kB';
      alter role searcher set enable_seqscan = off; alter role searcher set search_path = public, extensions;
      grant usage on schema extensions to searcher;
      alter database postgres set hnsw.ef_search = 1000;
      grant select, update on a, b, tasks, items to reporter, careful, victim, worker, searcher;
      analyze`)
  }, 120_000)

  const settingOf = async (setting: string, role: string) => {
    const client = await server.client()
    const { rows } = await client.query(
      `select x from pg_db_role_setting s cross join unnest(s.setconfig) x
      where s.setrole = $1::regrole and x like $2 || '=%' and s.setdatabase <> 0`,
      [role, setting],
    )
    return (rows as { x: string }[])[0]?.x.slice(setting.length + 1)
  }

  test('three are mended one after the other, what an administrator has set is left alone', async () => {
    const as = (user: string) => server.urlOf({ user, password: 'x' })
    const traffic = [
      startTraffic(as('reporter'), SPILLS),
      startTraffic(as('careful'), SPILLS),
      startTraffic(
        as('worker'),
        'update tasks set state = state + 1 where id between 1 + (random() * 2900)::int and 3000 and id % 40 = 0',
      ),
      startTraffic(
        as('searcher'),
        `select id from items order by at <-> (select array_agg(random())::vector from generate_series(1, 8)) limit 10`,
      ),
    ]
    const tuner = createTuner(fleet, FAST)
    const client = await server.client()
    await expect
      .poll(
        async () => (await client.query(`select n_dead_tup from pg_stat_user_tables where relname = 'tasks'`)).rows[0],
        { timeout: 20_000 },
      )
      .toSatisfy(({ n_dead_tup }) => n_dead_tup > 1500)

    const plan = await tuner.plan()
    expect(plan.proposals.map(({ knob, scope }) => `${knob} ${scope}`).toSorted()).toEqual([
      'autovacuum table public.tasks',
      'ef-search role searcher',
      'work-mem role reporter',
    ])
    expect(plan.left).toContainEqual({
      knob: 'work-mem',
      scope: 'role careful',
      reason: 'somebody has set work_mem = 64kB for the role',
    })
    expect(await tuner.trials()).toEqual([])

    for (let n = 0; n < 3; n++) {
      const { trial } = await tuner.runOnce()
      expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({ state: 'kept', decision: 'better' })
      expect(trial?.effect?.high).toBeLessThan(1)
      expect(trial?.windows.some(({ changed }) => changed)).toBe(true)
    }
    expect(await settingOf('work_mem', 'reporter')).toMatch(/^\d+MB$/)
    expect(Number(await settingOf('hnsw.ef_search', 'searcher'))).toBeLessThan(1000)
    expect((await client.query(`select reloptions from pg_class where relname = 'tasks'`)).rows).toEqual([
      { reloptions: ['autovacuum_vacuum_scale_factor=0.05'] },
    ])
    // Nothing more is tried, and what was set by hand stands.
    expect(await settingOf('work_mem', 'careful')).toBeUndefined()
    const after = await tuner.runOnce()
    expect(after).toMatchObject({ trial: undefined, proposals: [] })
    await Promise.all(traffic.map(({ stop }) => stop()))

    const [last] = await tuner.trials({ limit: 1 })
    const undone = await tuner.undo(last?.id ?? '')
    expect(undone).toMatchObject({ state: 'undone', undoneBy: 'postgres' })
    expect((await failure(tuner.undo(last?.id ?? ''), 'TUNING_NOT_UNDONE')).message).toContain('undone')
  }, 120_000)

  test('a change that does harm is taken back while it is measured', async () => {
    const traffic = startTraffic(server.urlOf({ user: 'victim', password: 'x' }), `select heavier(), (${SPILLS})`)
    const { trial } = await createTuner(fleet, { ...FAST, knobs: ['work-mem'] }).runOnce()
    await traffic.stop()
    expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({
      scope: 'role victim',
      state: 'rolled-back',
      decision: 'harmful',
    })
    // Not to its end.
    expect(trial?.windows.at(-1)?.samples.length).toBeLessThan(6)
    expect(await settingOf('work_mem', 'victim')).toBeUndefined()
  }, 60_000)

  test.runIf(mayCrash)(
    crashing('clients that wait for connections of PgBouncer get more of them'),
    async () => {
      const client = await server.client()
      await client.query(`create role app login password 'app'`)
      const pooler = await startPooler(server, { admin_users: 'postgres' })
      const at = pooler.urlOf({ user: 'app', password: 'app' })
      const traffic = Array.from({ length: 5 }, () => startTraffic(at, 'select pg_sleep(0.004)', 100))
      const options = { ...FAST, knobs: ['pooler-size'], poolerUrl: pooler.urlOf({ database: 'pgbouncer' }) }
      const { trial, left } = await createTuner(fleet, options).runOnce()
      await Promise.all(traffic.map(({ stop }) => stop()))
      const told = JSON.stringify({ trial, left }, null, 1)
      expect(trial, told).toMatchObject({ place: 'pooler', oldValue: '1', newValue: '2', state: 'kept' })
      expect((await createTuner(fleet, options).undo(trial?.id ?? '')).state).toBe('undone')
      expect((await failure(createTuner(fleet).undo(trial?.id ?? ''), 'TUNING_NOT_UNDONE')).message).toContain('undone')
    },
    60_000,
  )
})
