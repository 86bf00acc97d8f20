// What a monitor tells of pgfleet's own: jobs, maintenance, partitions, tenants, erasures, recall.
import pg from 'pg'
import { type Fleet, openFleet } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { Collector } from '../../dist/monitoring/collector.js'
import { connectMonitor } from '../../dist/monitoring/connection.js'
import { createRecallReader } from '../../dist/monitoring/readers/recall.js'
import type { Sample, Snapshot } from '../../dist/monitoring/snapshot.js'
import { afterFile, createLogin, createTestDatabase, onEngines, type TestDatabase } from '../setup/index.js'

const onServer = onEngines(['direct'], 'a monitor watches a server')
const { signal } = new AbortController()
const DAY = 86_400

onServer.describe('a monitor of a database of pgfleet', () => {
  let database: TestDatabase
  let fleet: Fleet
  beforeAll(async () => {
    database = await createTestDatabase()
    fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    for (const id of ['acme', 'globex']) await fleet.tenants.create({ id })
    const { workflows } = fleet.tenant('acme').delivery
    for (const name of ['one', 'two', 'three']) {
      await workflows.create({ name, start: true, tasks: [{ name: 'build', type: 'job' }] })
    }
    for (const service of ['expiry', 'partitions-ahead'] as const) await fleet.maintenance.runOnce(service)
    await fleet.tenants.erase('globex', { reason: 'contract ended', by: 'test' })
  })

  const look = async (url: string, readers: Parameters<typeof createRecallReader>[1][] = []): Promise<Snapshot> => {
    const collector = new Collector({
      open: () => connectMonitor(url, 30_000),
      readers: readers.map((everyMs) => createRecallReader(url, everyMs)),
    })
    try {
      await collector.collect(signal)
      await collector.collectSlow(0, signal)
      return await collector.collect(signal)
    } finally {
      await collector.close()
    }
  }

  test('tells its queue, its upkeep, its partitions and its tenants', async () => {
    const { samples, failures } = await look(database.adminUrl())
    expect(failures.filter(({ source }) => !source.startsWith('statement'))).toEqual([])
    expect(figure(samples, 'pgfleet_jobs_depth', { state: 'ready' })).toBe(3)
    expect(figure(samples, 'pgfleet_jobs_depth', { state: 'leased' })).toBe(0)
    expect(figure(samples, 'pgfleet_maintenance_last_run', { service: 'expiry', outcome: 'ok' })).toBe(1)
    const age = figure(samples, 'pgfleet_maintenance_last_success_age_seconds', { service: 'expiry' })
    expect(age).toBeGreaterThanOrEqual(0)
    expect(age).toBeLessThan(3600)
    expect(figure(samples, 'pgfleet_maintenance_is_led')).toBe(0)
    expect(figure(samples, 'pgfleet_tenants')).toBe(1)
    expect(figure(samples, 'pgfleet_erasures_unfinished')).toBe(0)
    // Months inside UUIDs of version 7: this one and the next three are there.
    const lead = figure(samples, 'pgfleet_partition_lead_seconds', { schemaname: 'memory', relname: 'events' })
    expect(lead).toBeGreaterThan(20 * DAY)
    expect(lead).toBeLessThan(130 * DAY)
    expect(figure(samples, 'pgfleet_partition_width_seconds', { relname: 'events' })).toBeGreaterThanOrEqual(28 * DAY)
  })

  const urlOf = async (...memberOf: string[]) => {
    const login = await createLogin({ memberOf })
    const url = new URL(database.adminUrl())
    url.username = login.name
    url.password = login.password
    return { url: url.href, name: login.name }
  }

  test('tells members of pgfleet_monitor the same, and others what they may not see in place of an empty queue', async () => {
    const member = await look((await urlOf('pg_monitor', 'pgfleet_monitor')).url)
    expect(member.failures.filter(({ source }) => !source.startsWith('statement'))).toEqual([])
    expect(figure(member.samples, 'pgfleet_jobs_depth', { state: 'ready' })).toBe(3)
    expect(figure(member.samples, 'pgfleet_tenants')).toBe(1)
    const other = await look((await urlOf('pg_monitor')).url)
    expect(other.failures.map(({ source }) => source)).toEqual(expect.arrayContaining(['jobs', 'erasures', 'schema']))
    expect(other.samples.filter(({ metric }) => /^pgfleet_(jobs|erasures|tenants)/.test(metric))).toEqual([])
  })

  test('gives members of pgfleet_monitor no row of what tenants keep', async () => {
    const { url } = await urlOf('pg_monitor', 'pgfleet_monitor')
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      for (const table of ['delivery.jobs', 'platform.erasures', 'metadata.ticks'])
        await expect(client.query(`select * from ${table}`)).rejects.toThrow('permission denied')
      expect((await client.query('select j.channel from delivery.jobs j')).rows).toHaveLength(3)
    } finally {
      await client.end()
    }
  })

  test('measures the recall of an index of vectors, when it is asked to', async () => {
    const { vectors } = fleet.tenant('acme').memory
    await vectors.upsert(
      Array.from({ length: 500 }, (_, n) => ({
        scope: 's',
        embedding: Array.from({ length: 384 }, (_, i) => Math.sin((n + 1) * (i + 1))),
      })),
    )
    const { samples } = await look(database.adminUrl(), [0])
    const recall = samples.filter(({ metric }) => metric === 'pgfleet_vector_recall_ratio')
    expect(recall.map(({ labels }) => labels.relname)).toEqual(['vectors_384'])
    expect(recall[0]?.value).toBeGreaterThan(0.5)
    expect(recall[0]?.value).toBeLessThanOrEqual(1)
  })
})

function figure(samples: readonly Sample[], metric: string, labels: Record<string, string> = {}): number | undefined {
  return samples.find(
    (sample) =>
      sample.metric === metric && Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
  )?.value
}
