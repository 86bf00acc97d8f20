// The history in a database: who may write, one writer at a time, retention, settings, and what reading costs.
import pg from 'pg'
import { expect, test } from 'vitest'
import { openDatabase } from '../../../dist/fleet.js'
import type { OpenAlert } from '../../../dist/monitoring/alerts/open-alert.js'
import { ALERT_STATEMENTS, createDatabaseAlertStore } from '../../../dist/monitoring/history/database-alert-store.js'
import { createDatabaseReader, READER_STATEMENTS } from '../../../dist/monitoring/history/database-reader.js'
import { createDatabaseWriter, WRITER_STATEMENTS } from '../../../dist/monitoring/history/database-writer.js'
import { createHistoryObserver } from '../../../dist/monitoring/history/history-observer.js'
import { PLACE_STATEMENTS } from '../../../dist/monitoring/history/history-place.js'
import { readHistory } from '../../../dist/monitoring/history/read-history.js'
import { readSettings, SETTING_STATEMENTS } from '../../../dist/monitoring/history/settings.js'
import {
  afterFile,
  createLogin,
  createTestDatabase,
  failure,
  onEngines,
  openTestFleet,
  sql,
} from '../../setup/index.js'
import { nodesOf, openExplained } from '../../setup/plans.js'
import { sample, serverOf, snapshotOf } from './snapshots.js'

const fleet = await openTestFleet()
const never = new AbortController().signal
const START = Date.parse('2026-03-01T00:00:00Z')
const at = (minutes: number) => new Date(START + minutes * 60_000)
const KEEP_MS = 400 * 86_400_000

const look = (minute: number, database: string, value: number) =>
  snapshotOf(at(minute), [sample('pg_stat_activity_count', { state: 'active' }, value)], {
    server: serverOf({ database }),
  })

const read = (database: string) =>
  readHistory(fleet.database, { metric: 'pg_stat_activity_count', from: at(-1), to: at(100_000), source: database })

test.each([
  ...WRITER_STATEMENTS,
  ...READER_STATEMENTS,
  ...SETTING_STATEMENTS,
  ...ALERT_STATEMENTS,
  ...PLACE_STATEMENTS,
])('$name fits the schema', async ({ text }) => {
  expect(text).not.toMatch(/\$\d+(?!\d|::)/)
  await fleet.database.lend(async (connection) => {
    await connection.query('begin')
    try {
      await connection.query(`prepare fits as ${text}`)
    } finally {
      await connection.query('rollback')
      await connection.query('deallocate all')
    }
  })
})

test('of two monitors one writes; the other takes over when it ends, or when its lease has run out', async () => {
  const notices: string[] = []
  const monitor = (leaseMs: number) => {
    const writer = createDatabaseWriter(fleet.database, { keepMs: KEEP_MS, leaseMs })
    return createHistoryObserver({ writer, intervalMs: 60_000, onNotice: (text) => notices.push(text) })
  }
  const [first, second, third] = [monitor(60_000), monitor(1), monitor(60_000)]
  await first.observe(look(0, 'two', 1), never)
  await second.observe(look(0.5, 'two', 2), never)
  await second.observe(look(1, 'two', 3), never)
  await first.close()
  await second.observe(look(2, 'two', 4), never)
  // Its lease of a millisecond is over, and it is as if it had been killed: what it wrote stays.
  await expect
    .poll(
      async () =>
        (
          await sql(
            fleet,
            `select from platform.metric_sources where source like '%/two' and lease_expires_at < clock_timestamp()`,
          )
        ).length,
    )
    .toBe(1)
  await third.observe(look(3, 'two', 5), never)
  expect((await read('two')).series[0]?.values).toEqual([1, 4, 5])
  expect(notices).toEqual([
    expect.stringMatching(/^another monitor .* keeps/),
    expect.stringMatching(/^this monitor keeps/),
  ])
  // The one that lost it begins a segment of its own when it has it again.
  await third.close()
  await second.observe(look(4, 'two', 6), never)
  expect((await read('two')).series[0]?.values).toEqual([1, 4, 5, 6])
  await second.close()
})

test('what is older than it is kept goes, with the series that nothing is left of', async () => {
  const writer = createDatabaseWriter(fleet.database, { keepMs: 3_600_000, leaseMs: 1000 })
  const observer = createHistoryObserver({ writer, intervalMs: 1 })
  const now = Date.now()
  const at = (hours: number) => new Date(now - hours * 3_600_000)
  const seen = (hours: number, state: string) =>
    observer.observe(
      snapshotOf(at(hours), [sample('pg_stat_activity_count', { state }, 1)], {
        server: serverOf({ database: 'old' }),
      }),
      never,
    )
  await seen(30, 'old')
  await seen(29, 'old')
  await seen(2, 'old')
  await seen(0.5, 'new')
  // The clock goes on into the next hour: that is when the history forgets.
  await observer.observe(snapshotOf(new Date(now + 3_600_000), [], { server: serverOf({ database: 'old' }) }), never)
  const reading = await readHistory(fleet.database, {
    metric: 'pg_stat_activity_count',
    source: 'old',
    from: at(40),
    to: new Date(now + 7_200_000),
  })
  expect(reading.series.map(({ labels }) => labels)).toEqual([{ state: 'new' }])
  expect(reading.times).toHaveLength(2)
  const [left] = await sql<{ series: number }>(
    fleet,
    `select count(*)::integer as series from platform.metric_series s
    where s.source_id = (select o.source_id from platform.metric_sources o where o.source like '%/old')`,
  )
  expect(left?.series).toBe(1)
  await observer.close()
})

test('changes of settings are kept, and secrets are not', async () => {
  const writer = createDatabaseWriter(fleet.database, { keepMs: KEEP_MS, leaseMs: 1000 })
  let settings: Record<string, string> = { work_mem: '4096 kB', primary_conninfo: 'password=first', 'app.jwt': 'one' }
  const observer = createHistoryObserver({
    writer,
    intervalMs: 1,
    readSettings: async () => Object.entries(settings).map(([name, value]) => ({ name, value })),
  })
  await observer.observe(look(0, 'settings', 1), never)
  settings = {
    ...settings,
    work_mem: '64 MB',
    primary_conninfo: 'password=second',
    'app.jwt': 'two',
    'hnsw.ef_search': '80',
  }
  await observer.observe(look(1, 'settings', 1), never)
  settings = { work_mem: '64 MB', primary_conninfo: 'password=second' }
  await observer.observe(look(2, 'settings', 1), never)
  const marks = (await read('settings')).marks.filter(({ kind }) => kind === 'setting')
  expect(marks.map(({ text }) => text)).toEqual([
    'app.jwt: (hidden) → (hidden)',
    'hnsw.ef_search: none → 80',
    'primary_conninfo: (hidden) → (hidden)',
    'work_mem: 4096 kB → 64 MB',
    'app.jwt: (hidden) → none',
    'hnsw.ef_search: 80 → none',
  ])
  const kept = await sql<{ text: string }>(
    fleet,
    `select (select string_agg(s::text, '') from platform.metric_sources s) || (select string_agg(o.note::text, '') from platform.metric_snapshots o) as text`,
  )
  expect(kept[0]?.text).toContain('64 MB')
  expect(kept[0]?.text).not.toMatch(/first|second|"one"|"two"/)
  await observer.close()
})

test('the settings of a server are those that are set for everybody', async () => {
  await sql(fleet, `select set_config('work_mem', '77MB', false)`)
  const settings = await readSettings(fleet.database, never)
  const settingOf = (name: string) => settings.find((setting) => setting.name === name)?.value
  expect(settingOf('work_mem')).not.toContain('78848')
  expect(settingOf('application_name')).toBeUndefined()
  expect(settingOf('shared_buffers')).toMatch(/ 8kB$/)
  await sql(fleet, 'reset work_mem')
})

test('labels that cannot be kept are told as a failure, and the others are kept', async () => {
  const writer = createDatabaseWriter(fleet.database, { keepMs: KEEP_MS, leaseMs: 1000 })
  const observer = createHistoryObserver({ writer, intervalMs: 1 })
  const samples = [
    sample('pg_stat_activity_count', { state: 'x'.repeat(3000) }, 1),
    sample('pg_stat_activity_count', { state: 'a\0b' }, 1),
    sample('pg_stat_activity_count', { state: 'active' }, 7),
  ]
  await observer.observe(snapshotOf(at(0), samples, { server: serverOf({ database: 'long' }) }), never)
  const reading = await read('long')
  expect(reading.series.map(({ values }) => values)).toEqual([[7]])
  expect(reading.marks.find(({ kind }) => kind === 'failure')?.text).toContain('not kept')
  await observer.close()
})

test('a metric with too many series, an unknown database and a time that is none are refused', async () => {
  await failure(read('nowhere'), 'HISTORY_UNKNOWN')
  await failure(readHistory(fleet.database, { metric: 'x', from: at(1), to: at(1) }), 'INPUT_INVALID')
  await failure(readHistory(fleet.database, { metric: '' }), 'INPUT_INVALID')
})

onEngines(['direct'], 'logins and plans of a server').describe('on a server', () => {
  test('a login with pgfleet_monitor alone writes and reads; without it neither', async () => {
    const allowed = await createLogin({ memberOf: ['pgfleet_monitor'] })
    const denied = await createLogin()
    const database = await createTestDatabase()
    const open = async (login: typeof allowed) => {
      const opened = await openDatabase({ url: database.urlOf(login), poolMax: 1 })
      afterFile(() => opened.close())
      const writer = createDatabaseWriter(opened, { keepMs: KEEP_MS, leaseMs: 1000 })
      return { opened, observer: createHistoryObserver({ writer, intervalMs: 1 }) }
    }
    const one = await open(allowed)
    await one.observer.observe(look(0, 'rights', 1), never)
    await one.observer.observe(look(61, 'rights', 2), never)
    const reading = await readHistory(one.opened, { metric: 'pg_stat_activity_count', from: at(-1), to: at(99) })
    expect(reading.series[0]?.values).toEqual([1, 2])
    const other = await open(denied)
    expect((await failure(other.observer.observe(look(0, 'rights', 1), never), 'PERMISSION_DENIED')).hint).toContain(
      'grant pgfleet_monitor',
    )
    // It writes by the function alone.
    const client = new pg.Client({ connectionString: database.urlOf(allowed) })
    await client.connect()
    await expect(client.query('delete from platform.metric_chunks')).rejects.toMatchObject({ code: '42501' })
    await expect(client.query('select platform.fold_metric_segment(1)')).rejects.toMatchObject({ code: '42501' })
    await client.end()
  })

  test('a database without the schema is told as such', async () => {
    const database = await createTestDatabase({ migrated: false })
    await failure(readHistory(database.adminUrl(), { metric: 'x' }), 'SCHEMA_MISSING')
  })

  test('a series of fourteen days is found in a page or two an hour, whatever else is kept', async () => {
    const database = await createTestDatabase()
    const { client, plans } = await openExplained(database.adminUrl())
    // As the function writes it: an hour of a busy server, and of an idle one, 336 times.
    await client.query(`
      insert into platform.metric_sources (source, first_at) values ('1/app', now() - interval '14 days');
      insert into platform.metric_series (source_id, metric, labels, kind)
      select 1, 'pg_stat_activity_count', jsonb_build_object('state', n), 'gauge' from generate_series(1, 400) n;
      insert into platform.metric_segments (source_id, is_open, first_at, last_at, offsets, notes)
      select 1, false, now() - h * interval '1 hour', now() - (h - 1) * interval '1 hour', array(select m * 60000 from generate_series(0, 59) m), '{}'
      from generate_series(336, 1, -1) h;
      insert into platform.metric_chunks (series_id, segment_id, ordinals, sample_values)
      select s, h, case when s % 3 = 0 then '{0}'::smallint[] end,
        case when s % 3 = 0 then array[1.0] else array(select random() from generate_series(0, 59)) end
      from generate_series(1, 336) h, generate_series(1, 400) s
      order by h, s;
      analyze platform.metric_chunks, platform.metric_series, platform.metric_segments`)
    const [chunks] = READER_STATEMENTS.filter(({ name }) => name === 'monitor.read_chunks')
    plans.length = 0
    const { rows } = await client.query(chunks?.text as string, [[7], '1', '336'])
    expect(rows).toHaveLength(336)
    const [plan] = plans
    expect(nodesOf(plan as (typeof plans)[number]).map((node) => node['Node Type'])).not.toContain('Seq Scan')
    const pages = (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0)
    expect(pages).toBeLessThan(2.5 * 336)
    const reader = createDatabaseReader(await openedAt(database.adminUrl()))
    const reading = await reader.read(
      '1/app',
      {
        metric: 'pg_stat_activity_count',
        labels: { state: '7' },
        from: new Date(Date.now() - 14 * 86_400_000),
        to: new Date(),
      },
      never,
    )
    // Labels are texts; the fourteen days have a snapshot a minute.
    expect(reading.times.length).toBeGreaterThan(20_000)
  })
})

async function openedAt(url: string) {
  const database = await openDatabase({ url, poolMax: 1 })
  afterFile(() => database.close())
  return database
}

test('open alerts are there again after a restart, by what is watched', async () => {
  const now = new Date('2026-03-01T00:00:00Z')
  const alert: OpenAlert = {
    id: '01962a3b-0000-7000-8000-000000000001',
    rule: 'server-down',
    labels: { datname: 'app' },
    state: 'firing',
    value: Number.POSITIVE_INFINITY,
    since: now,
    lastAt: now,
    firedAt: now,
    easedAt: null,
    resolvedAt: null,
    end: null,
    noticedAt: now,
    unsent: { id: '01962a3b-0000-7000-8000-000000000002', kind: 'firing', at: now },
  }
  const store = createDatabaseAlertStore(fleet.database, 'db:5432/app')
  expect(await store.load()).toEqual([])
  await store.save([alert, { ...alert, id: '01962a3b-0000-7000-8000-000000000003', value: 1 }])
  await store.save([alert])
  expect(await createDatabaseAlertStore(fleet.database, 'db:5432/app').load()).toEqual([alert])
  expect(await createDatabaseAlertStore(fleet.database, 'db:5432/other').load()).toEqual([])
  await sql(fleet, `update platform.open_alerts set alerts = '[{"id": 1}]'`)
  await failure(store.load(), 'ALERTS_UNREADABLE')
})
