// Every SQL text of the monitor is prepared, and run, on every major that it is for, by a login with pg_monitor and no more.
import type pg from 'pg'
import { expect, test } from 'vitest'
import { Collector } from '../../dist/monitoring/collector.js'
import { connectMonitor } from '../../dist/monitoring/connection.js'
import { familyOf } from '../../dist/monitoring/metrics/index.js'
import { IDENTITY, REPLICA_TIMELINE, STATE } from '../../dist/monitoring/server-state.js'
import { type Snapshot, seriesOf } from '../../dist/monitoring/snapshot.js'
import { SOURCES } from '../../dist/monitoring/sources/index.js'
import { familiesOf, type Row, type Source, statementFor } from '../../dist/monitoring/sources/source.js'
import { availableMajors, onScratchServers, startServer } from '../doctor/scratch-server.js'
import { engine, onEngines } from '../setup/index.js'

const { majors, missing } = await availableMajors()
const DIRECT = await onScratchServers()

for (const reason of missing) if (engine === 'direct') onEngines([], reason)('statements', () => {})

/** Metrics of a server that are told only in states which this one is not in. */
const RARE =
  /^pg_stat_progress_vacuum_|^pg_stat_replication_|^pgfleet_(replication_lag|replica_receiver|replica_replay|archiver|maintenance_last|maintenance_running|archives|partition)|^pg_buffercache|^pg_replication_(slot|last_replay)|^pgfleet_replication_slot_|^pg_stat_archiver_last|safe_wal_size|inactive_seconds|_stats_reset$|checksum_failures/

DIRECT.describe('statements', () => {
  for (const major of majors) {
    test(`are understood by PostgreSQL ${major}, and answered to a login with pg_monitor`, async () => {
      const server = await startServer(major, { settings: { shared_preload_libraries: 'pg_stat_statements' } })
      const client = await server.client()
      await client.query(`create schema "An extension's"; create extension pg_stat_statements schema "An extension's"`)
      // Contrib is not everywhere.
      await client.query(`create extension pg_buffercache schema "An extension's"`).catch((error: Error) => {
        expect(error.message).toContain('is not available')
      })
      await client.query(`create role watch login password 'watch' in role pg_monitor; grant usage on schema "An extension's" to watch;
        create table parted (at timestamptz not null) partition by range (at);
        create table parted_now partition of parted for values from ('2000-01-01') to ('2200-01-01');
        create table parted_rest partition of parted default;
        create table "Odd ""name""" (id int primary key); insert into "Odd ""name""" select generate_series(1, 100);
        delete from "Odd ""name"""; select pg_stat_force_next_flush()`)
      for (const text of [IDENTITY, STATE, REPLICA_TIMELINE]) await prepare(text)
      for (const source of SOURCES) {
        const { versions, needs } = source
        if (major < (versions?.from ?? 0) || needs?.relation !== undefined) continue
        if (needs?.extension === 'pg_buffercache') continue
        await prepare(statementFor(source, major).replaceAll('{schema}', '"An extension\'s"'), source.id)
      }
      const url = server.urlOf({ user: 'watch', password: 'watch' })
      const seen = await lookTwice(url)
      expect(seen.failures).toEqual([])
      expect(seen.server).toMatchObject({
        major,
        inRecovery: false,
        timeline: 1,
        database: 'postgres',
        user: 'watch',
        seesAll: true,
      })
      expect(seen.server?.systemIdentifier).toMatch(/^\d{10,}$/)
      // Whatever is told is declared, with the labels that it is told with; and what is declared for this major is told.
      expect(
        seen.samples.filter(({ metric, labels }) => familyOf(metric)?.labels.join() !== Object.keys(labels).join()),
      ).toEqual([])
      expect(seen.samples.filter(({ value }) => !Number.isFinite(value))).toEqual([])
      expect(new Set(seen.samples.map(seriesOf)).size).toBe(seen.samples.length)
      const told = new Set(seen.samples.map(({ metric }) => metric))
      const wanted = SOURCES.filter(
        ({ versions, needs }) => major >= (versions?.from ?? 0) && needs?.relation === undefined,
      )
        .flatMap(familiesOf)
        .filter(({ name, help }) => !RARE.test(name) && isFor(major, help))
      expect(wanted.map(({ name }) => name).filter((name) => !told.has(name))).toEqual([])
      expect(figureOf(seen, 'pgfleet_partition_lead_seconds', { relname: 'parted' })).toBeGreaterThan(3e9)
      expect(figureOf(seen, 'pg_stat_user_tables_n_tup_ins', { relname: 'Odd "name"' })).toBe(100)
      await expectFiguresOfTables(client, major)
      expect(figureOf(seen, 'pg_settings_shared_buffers_bytes')).toBe(32 * 2 ** 20)
      expect(figureOf(seen, 'pg_settings_autovacuum_naptime_seconds')).toBe(60)

      async function prepare(text: string, id = 'state') {
        await client.query(`prepare one as ${text}`).catch((error: Error) => {
          throw new Error(`${id}: ${error.message}`)
        })
        await client.query('deallocate one')
      }
    })
  }

  test('that a login may not run are told with the right that is missing, and keep back no other', async () => {
    const server = await startServer(17)
    const client = await server.client()
    await client.query(`create role nobody_much login password 'nobody'`)
    const seen = await lookTwice(server.urlOf({ user: 'nobody_much', password: 'nobody' }))
    expect(seen.isUp).toBe(true)
    const reasons = Object.fromEntries(seen.failures.map(({ source, reason }) => [source, reason]))
    const blind = 'the login may not see what others do; needs pg_monitor'
    expect(reasons).toEqual({
      transactions: blind,
      sessions: blind,
      'snapshot-horizon': blind,
      'vacuum-progress': blind,
      standbys: blind,
      statements: 'the extension pg_stat_statements is not installed in this database',
      'wal-files': expect.stringMatching(/permission denied.*; needs pg_monitor$/),
    })
    expect(figureOf(seen, 'pgfleet_monitor_source_up', { source: 'wal-files' })).toBe(0)
    expect(figureOf(seen, 'pgfleet_monitor_source_up', { source: 'tables' })).toBe(1)
    expect(figureOf(seen, 'pg_up')).toBe(1)
  })
})

/** The figures of tables are those of pg_stat_user_tables, by table and in sum. */
async function expectFiguresOfTables(client: pg.Client, major: number) {
  await client.query(
    `create table bare (n int); select count(*) from "Odd ""name"""; select pg_stat_force_next_flush()`,
  )
  const read = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[]
  const source = SOURCES.find(({ id }) => id === 'tables') as Source
  const told = await read(statementFor(source, major), [1000, []])
  const names = source.groups.flatMap((group) => Object.keys(group)).filter((column) => !column.startsWith('last_'))
  const figuresOf = (row: Row | undefined) => names.map((name) => (row?.[name] == null ? null : Number(row[name])))
  const seen = await read('select * from pg_stat_user_tables order by relid')
  const byKey = new Map(told.map((row) => [row.key, row]))
  expect(seen.map(({ relid }) => figuresOf(byKey.get(String(relid))))).toEqual(seen.map(figuresOf))
  expect(told).toHaveLength(seen.length + 1)
  const [sums] = await read(`select ${names.map((name) => `sum(${name}) as ${name}`).join()} from pg_stat_user_tables`)
  expect(figuresOf(byKey.get(null))).toEqual(figuresOf(sums))
  // One that was told last is told again, once, though it is no longer among the first.
  const last = String(seen.find(({ relname }) => relname === 'bare')?.relid)
  const again = await read(statementFor(source, major), [1, [last, String(told[0]?.key)]])
  expect(again.map(({ key, is_top }) => [key, is_top])).toEqual([
    [told[0]?.key, true],
    [last, false],
    [null, false],
  ])
}

/** Whether a family that names versions in its help is for this one. */
function isFor(major: number, help: string): boolean {
  if (/PostgreSQL 15 and 16/.test(help)) return major < 17
  const from = /PostgreSQL (\d+) and newer/.exec(help)?.[1]
  return from === undefined || major >= Number(from)
}

async function lookTwice(url: string): Promise<Snapshot> {
  const collector = new Collector({ open: () => connectMonitor(url, 60_000), timeoutMs: 20_000, queryTexts: true })
  const { signal } = new AbortController()
  try {
    await collector.collectAll(signal)
    return await collector.collectAll(signal)
  } finally {
    await collector.close()
  }
}

function figureOf(
  { samples }: Snapshot,
  metric: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return samples.find(
    (sample) =>
      sample.metric === metric && Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
  )?.value
}
