// A server that is restarted, promoted, locked or reset between two looks, and an endpoint meanwhile.
import { expect, test } from 'vitest'
import { Collector } from '../../dist/monitoring/collector.js'
import { connectMonitor } from '../../dist/monitoring/connection.js'
import { Monitor } from '../../dist/monitoring/monitor.js'
import { ratesBetween } from '../../dist/monitoring/rate.js'
import type { Sample, Snapshot } from '../../dist/monitoring/snapshot.js'
import { onScratchServers, startReplica, startServer } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'

const DIRECT = await onScratchServers()
const { signal } = new AbortController()

DIRECT.describe('a monitor', () => {
  test('tells that its server is away, goes on when it is back, and knows that it was promoted or reset', async () => {
    const primary = await startServer(17, { settings: { max_wal_senders: '4', wal_level: 'replica' } })
    const replica = await startReplica(primary)
    const client = await primary.client()
    await client.query(
      'create table t (n int); insert into t select generate_series(1, 1000); select pg_stat_force_next_flush()',
    )
    const collector = open(replica.url)
    const first = await collector.collect(signal)
    expect(first.server).toMatchObject({ inRecovery: true, timeline: 1 })
    expect(figure(first.samples, 'pg_replication_is_replica')).toBe(1)
    expect(figure(first.samples, 'pgfleet_replica_receiver_up')).toBe(1)

    // The primary sees its standby, and how far it is at each stage.
    const watching = open(primary.url)
    await expect
      .poll(
        async () =>
          figure((await watching.collect(signal)).samples, 'pgfleet_replication_lag_bytes', { stage: 'replay' }),
        { timeout: 30_000 },
      )
      .toBe(0)

    await replica.crash()
    const away = await collector.collect(signal)
    expect(away).toMatchObject({ isUp: false, server: { timeline: 1 }, failures: [{ source: 'connection' }] })
    expect(figure(away.samples, 'pg_up')).toBe(0)
    // Nothing that was seen before passes for what is now.
    expect(away.samples.filter(({ metric }) => /^pg_stat|^pg_locks/.test(metric))).toEqual([])
    expect(ratesBetween(first, away).rates).toEqual([])
    const again = await collector.collect(signal)
    expect(again.failures[0]?.reason).toMatch(/the next attempt is in \d+ s|ECONNREFUSED|no connection/)

    await replica.restart()
    const back = await until(collector, ({ isUp }) => isUp)
    expect(figure(back.samples, 'pgfleet_monitor_resets_total', { reason: 'restart' })).toBe(1)
    expect(figure(back.samples, 'pgfleet_monitor_reconnects_total')).toBe(1)
    expect(ratesBetween(first, back)).toMatchObject({ reset: 'restart' })

    await (await replica.client()).query('select pg_promote()')
    const promoted = await until(collector, ({ server }) => server?.inRecovery === false)
    expect(promoted.server).toMatchObject({ timeline: 2, inRecovery: false })
    expect(figure(promoted.samples, 'pgfleet_server_info', { role: 'primary' })).toBe(1)
    expect(ratesBetween(back, promoted)).toMatchObject({ reset: 'promotion' })

    const before = await watching.collect(signal)
    await client.query('select pg_stat_reset()')
    const reset = await until(
      watching,
      ({ samples }) => (figure(samples, 'pg_stat_user_tables_n_tup_ins', { relname: 't' }) ?? 0) < 1000,
    )
    const { rates, reset: why } = ratesBetween(before, reset)
    expect(why).toBe('statistics')
    expect(rates.filter(({ perSecond }) => perSecond < 0)).toEqual([])
    expect(
      rates.find(({ metric, labels }) => metric === 'pg_stat_user_tables_n_tup_ins' && labels.relname === 't'),
    ).toMatchObject({ isReset: true })
  })

  test('passes a locked table by, and tells one source alone that it had to wait', async () => {
    const server = await startServer(17)
    const client = await server.client()
    await client.query('create table locked (n int); create table free (n int); analyze')
    await client.query('begin; lock table locked')
    const collector = open(server.url)
    await collector.collect(signal)
    await collector.collectSlow(0, signal)
    const { samples, failures } = await collector.collect(signal)
    expect(failures.filter(({ source }) => source !== 'statements')).toEqual([])
    const sized = samples
      .filter(({ metric }) => metric === 'pg_stat_user_tables_table_size_bytes')
      .map(({ labels }) => labels.relname)
    expect(sized).toEqual(['free'])
    expect(samples.some(({ labels }) => labels.relname === 'locked')).toBe(true)
    await client.query('rollback')
  })

  test('answers scrapes while the server is away, and shares one collection among those of a moment', async () => {
    const server = await startServer(17)
    let opened = 0
    const collector = new Collector({
      open: async () => {
        opened++
        return await connectMonitor(server.url, 30_000)
      },
      timeoutMs: 20_000,
    })
    const notes: string[] = []
    const monitor = new Monitor({ collector, intervalMs: 1000, onNote: (line) => notes.push(line) })
    const end = new AbortController()
    const scrapes = await Promise.all([1, 2, 3].map(() => monitor.scrape(AbortSignal.timeout(60_000))))
    expect(scrapes.map((samples) => figure(samples, 'pgfleet_monitor_collections_total'))).toEqual([1, 1, 1])
    expect(opened).toBe(1)
    const running = monitor.run(end.signal)
    await expect
      .poll(() => figure(monitor.latest?.samples ?? [], 'pgfleet_monitor_collections_total') ?? 0)
      .toBeGreaterThan(1)
    await server.crash()
    await expect
      .poll(async () => figure(await monitor.scrape(AbortSignal.timeout(10_000)), 'pg_up'), { timeout: 20_000 })
      .toBe(0)
    const down = await monitor.scrape(AbortSignal.timeout(10_000))
    expect(figure(down, 'pgfleet_monitor_snapshot_age_seconds')).toBeGreaterThanOrEqual(0)
    expect(figure(down, 'pgfleet_monitor_last_up_seconds')).toBeGreaterThan(0)
    expect(monitor.problem()).toBeUndefined()
    await server.restart()
    await expect
      .poll(async () => figure(await monitor.scrape(AbortSignal.timeout(10_000)), 'pg_up'), { timeout: 30_000 })
      .toBe(1)
    end.abort()
    await running
    // Told once, however many collections found it so.
    expect(notes.filter((line) => line.startsWith('statements:'))).toHaveLength(2)
    expect(notes.filter((line) => line.startsWith('connection:')).length).toBeGreaterThan(0)
  })
})

function open(url: string): Collector {
  const collector = new Collector({ open: () => connectMonitor(url, 60_000), timeoutMs: 20_000 })
  afterFile(() => collector.close())
  return collector
}

/** Looks until it sees that. */
async function until(collector: Collector, isSeen: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  let seen: Snapshot | undefined
  await expect
    .poll(
      async () => {
        seen = await collector.collect(signal)
        return isSeen(seen)
      },
      { timeout: 30_000, interval: 100 },
    )
    .toBe(true)
  return seen as Snapshot
}

function figure(
  samples: readonly Sample[],
  metric: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return samples.find(
    (sample) =>
      sample.metric === metric && Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
  )?.value
}
