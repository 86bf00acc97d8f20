// The vectors store's own candidates, on a server with searches: raised where too little is found, lowered where less finds enough.
import { createTuner, type Fleet, openFleet, type TunerOptions } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, type ScratchServer, startServer } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'
import { startTraffic } from './traffic.js'

const DIRECT = await onScratchServers()

const FAST: TunerOptions = {
  knobs: ['vector-search'],
  // Sessions tell their scans of indexes once a second.
  windowMs: 2400,
  callsMin: 5,
  coolDownMs: 0,
  recallMin: 0.9,
}
const ROWS = 4000
/** Sessions may tell late of searches of the other dimension. */
const ONLY_GOOD: TunerOptions = { ...FAST, keep: ['memory.vectors_17'] }
/** Dimensions by how well their index was built: with few links it finds little. */
const [GOOD, POOR] = [16, 17]

let server: ScratchServer
let fleet: Fleet

DIRECT.describe('candidates of the vectors store', () => {
  beforeAll(async () => {
    server = await startServer(17, {
      settings: { shared_preload_libraries: 'pg_stat_statements', autovacuum: 'off', fsync: 'off' },
    })
    fleet = await openFleet({ url: server.url })
    afterFile(() => fleet.close())
    const client = await server.client()
    await client.query('create extension pg_stat_statements')
    await fleet.tenants.create({ id: 'acme' })
    await fleet.vectorDimensions.add(GOOD, { m: 32, efConstruction: 200 })
    await fleet.vectorDimensions.add(POOR, { m: 4, efConstruction: 12 })
    for (const dimensions of [GOOD, POOR]) {
      for (let from = 0; from < ROWS; from += 500) {
        await fleet
          .tenant('acme')
          .memory.vectors.upsert(Array.from({ length: 500 }, () => ({ embedding: any(dimensions) })))
      }
    }
    await client.query(`analyze memory.vectors_${GOOD}; analyze memory.vectors_${POOR}`)
  }, 120_000)

  /** A direction like any other. */
  const any = (dimensions: number) => Array.from({ length: dimensions }, () => Math.random() - 0.5)

  /** Searches of that dimension that never rest. */
  const startSearches = (dimensions: number) => {
    let running = true
    const loop = async () => {
      const { vectors } = fleet.tenant('acme').memory
      while (running) await vectors.searchMany(Array.from({ length: 4 }, () => ({ embedding: any(dimensions) })))
    }
    const done = loop()
    const stop = async () => {
      running = false
      await done
    }
    afterFile(stop)
    return { stop }
  }

  const settingsOf = async (dimensions: number) =>
    (await fleet.vectorDimensions.list()).find((one) => one.dimensions === dimensions)?.efSearch

  /** What a trial has kept when there was more to search. */
  const keepOnce = async (dimensions: number, balanced: number) => {
    await fleet.vectorDimensions.setSearch(dimensions, { fast: 20, balanced })
    const client = await server.client()
    await client.query('delete from platform.tuning_trials')
    await client.query(
      `insert into platform.tuning_trials (trial_id, knob, place, target, scope, setting, old_value, new_value, apply_statement, undo_statement,
        reason, metric, guard, window_ms, login, holder, token, held_until, state, started_at, ended_at, decision)
      select '00000000-0000-7000-8000-000000000000', 'vector-search', 'server', jsonb_build_object('dimensions', $1::int, 'accuracy', 'balanced'),
        format('vectors %s balanced', $1::int), 'ef_search_balanced', '40', $2::text, '', '', '', '', '', 1000, 'x', 'x', 1, now(), 'kept',
        now() - interval '1 week', now() - interval '1 week', 'better'`,
      [dimensions, balanced],
    )
  }

  test('are raised where less is found than is promised', async () => {
    const searches = startSearches(POOR)
    const before = await settingsOf(POOR)
    const tuner = createTuner(fleet, FAST)
    const plan = await tuner.plan()
    expect(plan.proposals[0], JSON.stringify(plan)).toMatchObject({
      knob: 'vector-search',
      scope: 'vectors 17 balanced',
      setting: 'ef_search_balanced',
      oldValue: '40',
      metric: 'share of the nearest that searches for stored vectors miss, against the exact order',
    })
    expect(plan.left.find(({ scope }) => scope === 'vectors 17 fast')?.reason).toContain('fast promises no recall')
    expect(plan.proposals[0]?.apply).toContain('memory.set_vector_search(17, 20, ')
    // So far nothing but words.
    expect(await settingsOf(POOR)).toEqual(before)
    expect(await tuner.trials()).toEqual([])
    const { trial } = await tuner.runOnce()
    await searches.stop()
    expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({ state: 'kept', decision: 'better', oldValue: '40' })
    expect(await settingsOf(POOR)).toEqual({ fast: 20, balanced: Number(trial?.newValue) })
    expect(Number(trial?.newValue)).toBeGreaterThan(40)
    expect(Number(trial?.newValue)).toBeLessThanOrEqual(80)
    const shown = await runCli('/tmp', ['tune', 'show', trial?.id ?? '', '--url', server.url])
    expect(shown.stdout).toContain('share of the nearest that searches for stored vectors miss')
    const undone = await runCli('/tmp', ['tune', 'undo', trial?.id ?? '', '--json', '--url', server.url])
    expect(JSON.parse(undone.stdout)).toMatchObject({ state: 'undone' })
    expect(await settingsOf(POOR)).toEqual(before)
  }, 60_000)

  test('are lowered where less finds enough, and left alone where somebody has set them', async () => {
    await keepOnce(GOOD, 800)
    const searches = startSearches(GOOD)
    const { trial } = await createTuner(fleet, ONLY_GOOD).runOnce()
    expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({
      scope: 'vectors 16 balanced',
      oldValue: '800',
      state: 'kept',
      metric:
        "time of the store's searches, as a part of what as many took at first; where too little is found, what is missed",
    })
    expect(trial?.effect?.high).toBeLessThan(1)
    const guards = trial?.windows.flatMap(({ samples }) => samples.flatMap((one) => one.guards)) ?? []
    expect(guards.map(({ name }) => name)).toContain('recall at 10')
    expect(Math.min(...guards.map(({ value }) => value))).toBeGreaterThanOrEqual(0.9)
    expect(await settingsOf(GOOD)).toEqual({ fast: 20, balanced: Number(trial?.newValue) })

    await fleet.vectorDimensions.setSearch(GOOD, { fast: 33, balanced: 700 })
    const left = (await createTuner(fleet, ONLY_GOOD).plan()).left.map(({ scope, reason }) => `${scope}: ${reason}`)
    await searches.stop()
    expect(left).toContain(
      `vectors 16 balanced: somebody has set ef_search_balanced = 700 instead of ${trial?.newValue}, which a trial had kept`,
    )
    expect(left).toContain('vectors 16 fast: somebody has set ef_search_fast = 33')
  }, 60_000)

  test('come back as soon as recall falls below what is promised', async () => {
    await keepOnce(GOOD, 800)
    const searches = startSearches(GOOD)
    let worse: Promise<void> | undefined
    const { trial } = await createTuner(fleet, ONLY_GOOD).runOnce({
      onStep: ({ phase, sample }) => {
        // An index that finds little, while the trial goes on.
        if (phase === 'with' && sample === 1)
          worse ??= fleet.vectorDimensions.rebuild(GOOD, { m: 2, efConstruction: 4 })
      },
    })
    await worse
    await searches.stop()
    expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({ state: 'rolled-back', decision: 'harmful' })
    expect(trial?.explanation).toMatch(/recall at 10 is 0\.\d+, below 0\.9/)
    expect(await settingsOf(GOOD)).toEqual({ fast: 20, balanced: 800 })
  }, 60_000)

  test('are not for a login that may not set them', async () => {
    const client = await server.client()
    await client.query(
      `create role plain login password 'x'; grant pgfleet_operator, pgfleet_app, pg_read_all_stats to plain`,
    )
    const own = await openFleet({ url: server.urlOf({ user: 'plain', password: 'x' }), migrate: false })
    const searches = startSearches(GOOD)
    const { proposals, left } = await createTuner(own, ONLY_GOOD).plan()
    await searches.stop()
    await own.close()
    expect(proposals).toEqual([])
    expect(left.map(({ reason }) => reason)).toContain('this login may not act as pgfleet_owner, who sets it')
  }, 60_000)

  test('of a role go up too', async () => {
    const client = await server.client()
    await client.query(`
      set search_path = public, extensions;
      create table papers (id int primary key, at vector(24));
      insert into papers select g, array(select random() - 0.5 + g * 0 from generate_series(1, 24))::vector from generate_series(1, 3000) g;
      create index on papers using hnsw (at vector_cosine_ops) with (m = 4, ef_construction = 12);
      create role seeker login password 'x';
      alter role seeker set enable_seqscan = off; alter role seeker set search_path = public, extensions;
      grant usage on schema extensions to seeker; grant select on papers to seeker; analyze papers`)
    const traffic = startTraffic(
      server.urlOf({ user: 'seeker', password: 'x' }),
      'select id from papers order by at <=> (select array_agg(random() - 0.5)::vector from generate_series(1, 24)) limit 10',
    )
    const { trial } = await createTuner(fleet, { ...FAST, knobs: ['ef-search'], settleMs: 15_000 }).runOnce()
    await traffic.stop()
    expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({
      scope: 'role seeker',
      setting: 'hnsw.ef_search',
      oldValue: null,
      newValue: '80',
      state: 'kept',
      metric: 'share of the nearest that searches for stored vectors miss, against the exact order',
    })
  }, 60_000)
})
