// What checks make of their rows, for states that no test can bring about in a moment: each with rows that are a finding,
// and rows that are none.
import { describe, expect, test } from 'vitest'
import { settingsOf } from '../../dist/doctor/baseline.js'
import type { CheckContext, Level } from '../../dist/doctor/check.js'
import { CHECKS } from '../../dist/doctor/checks/index.js'
import { resolveThresholds } from '../../dist/doctor/thresholds.js'

const GB = 1024 ** 3
const DAY = 86_400

const CONTEXT: CheckContext = {
  server: {
    major: 17,
    version: '17.11',
    database: 'shop',
    user: 'monitor',
    superuser: false,
    monitor: true,
    inRecovery: false,
    now: new Date('2026-01-10T00:00:00Z'),
    startedAt: new Date('2026-01-01T00:00:00Z'),
    tables: 1,
    indexes: 1,
    bytes: 1,
    extensions: {},
    settings: { work_mem: '4096' },
    memoryBytes: 16 * GB,
    databaseBytes: GB,
    relations: [],
    provider: null,
    clock: { ahead: 0, within: 0.01 },
  },
  thresholds: resolveThresholds(),
  before: [],
  seconds: 0,
  looks: 1,
  transactionPooling: false,
  baseline: undefined,
  diskFreeBytes: undefined,
}

interface Case {
  readonly check: string
  readonly bad: readonly object[]
  readonly finds: readonly { level?: Level; object: string }[]
  readonly good: readonly object[]
  readonly context?: Partial<CheckContext>
}

const setting = (name: string, value: string, more: object = {}) => ({
  name,
  value,
  unit: null,
  source: 'default',
  context: 'sighup',
  ...more,
})
const memory = {
  sharedBuffers: 4 * GB,
  connections: 100,
  workMem: 4 * 1024 ** 2,
  hashMultiplier: 2,
  workers: 3,
  workerMem: 64 * 1024 ** 2,
  maintenanceMem: 64 * 1024 ** 2,
}
const cost = { delay: 2, limit: 200, dirty: 20, workers: 3, limitSource: 'default', databaseBytes: GB, tables: [] }

const dayBefore = (bytes: number) => ({
  writtenAt: new Date(CONTEXT.server.now.getTime() - DAY * 1000),
  settings: {},
  bytes,
})

const unused = {
  index: 'public.i',
  table: 'public.t',
  definition: 'create index i on t (a)',
  bytes: 2 ** 21,
  scans: 0,
  idle: null,
  standbys: 0,
  writes: 7,
}

const clock = (minute: number, partitions: number) => ({ minute, partitions, newest: 'public.t_1' })
const column = (name: string, align: number, fixed: number, width: number | null = null) => ({
  name,
  align,
  fixed,
  width,
})

const connections = (used: number) => ({ used, allowed: 100, idle: 3, top: 'app' })
const sequence = (last: number) => ({
  sequence: `public.s_${last}`,
  column: null,
  type: null,
  table: null,
  attribute: null,
  last,
  max: 1000,
  sequenceType: 'smallint',
})
const reference = (rows: number) => ({
  constraint: `k_${rows}`,
  table: 'public.t',
  columns: 'a',
  referenced: 'public.u',
  rows,
  deletes: 0,
  partitioned: false,
})
const updated = (updates: number, hot: number) => ({
  table: 'public.t',
  updates,
  hot,
  newPage: 0,
  fill: 100,
  indexes: [],
})

const CASES: readonly Case[] = [
  // Both sides of each threshold, close to it.
  {
    check: 'connection-usage',
    bad: [connections(75)],
    finds: [{ level: 'warning', object: 'connections' }],
    good: [connections(74)],
  },
  {
    check: 'connection-usage',
    bad: [connections(90)],
    finds: [{ level: 'error', object: 'connections' }],
    good: [connections(0)],
  },
  {
    check: 'connection-usage',
    bad: [connections(89)],
    finds: [{ level: 'warning', object: 'connections' }],
    good: [],
  },
  {
    check: 'sequence-exhaustion',
    bad: [sequence(500), sequence(749), sequence(750), sequence(899), sequence(900)],
    finds: [
      { level: 'info', object: 'sequence public.s_500' },
      { level: 'info', object: 'sequence public.s_749' },
      { level: 'warning', object: 'sequence public.s_750' },
      { level: 'warning', object: 'sequence public.s_899' },
      { level: 'error', object: 'sequence public.s_900' },
    ],
    good: [sequence(499)],
  },
  {
    check: 'foreign-key-index',
    bad: [reference(999), reference(1000)],
    finds: [
      { level: 'info', object: 'constraint k_999 on public.t' },
      { level: 'warning', object: 'constraint k_1000 on public.t' },
    ],
    good: [],
  },
  {
    check: 'dead-rows',
    bad: [{ table: 'public.t', dead: 100_000, live: 400_000, last: null }],
    finds: [{ object: 'table public.t' }],
    good: [
      { table: 'public.t', dead: 99_999, live: 0, last: null },
      { table: 'public.t', dead: 100_000, live: 400_001, last: null },
    ],
  },
  {
    check: 'hot-updates',
    bad: [updated(10_000, 4999)],
    finds: [{ object: 'table public.t' }],
    good: [updated(9999, 0), updated(10_000, 5000)],
  },
  {
    check: 'partition-time-zone',
    bad: [
      { table: 'public.mixed', zone: 'UTC', local: 3, starts: [clock(0, 3), clock(300, 1)] },
      { table: 'public.three', zone: 'UTC', local: 0, starts: [clock(1320, 3), clock(1380, 3), clock(0, 1)] },
      { table: 'public.summer', zone: 'UTC', local: 0, starts: [clock(1320, 3), clock(1380, 3)] },
      { table: 'public.london', zone: 'UTC', local: 3, starts: [clock(0, 3), clock(1380, 3)] },
      { table: 'public.local', zone: 'x', local: 6, starts: [clock(840, 3), clock(870, 2), clock(810, 1)] },
    ],
    finds: [
      { level: 'warning', object: 'table public.mixed' },
      { level: 'warning', object: 'table public.three' },
      { level: 'info', object: 'table public.summer' },
      { level: 'info', object: 'table public.london' },
      { level: 'info', object: 'table public.local' },
    ],
    good: [],
  },
  {
    check: 'column-order',
    bad: [
      {
        table: 'public.t',
        rows: 2e7,
        bytes: GB,
        columns: [column('a', 1, 1), column('b', 8, 8), column('c', 1, 1), column('d', 8, 8)],
      },
      {
        table: 'public.u',
        rows: 1e8,
        bytes: 4 * GB,
        columns: [column('a', 4, 0, 10), column('b', 8, 8), column('c', 4, 0, 300), column('d', 8, 8)],
      },
    ],
    finds: [{ object: 'table public.t' }, { object: 'table public.u' }],
    good: [
      // Sixteen bytes either way, and a table that is small.
      { table: 'public.v', rows: 1e8, bytes: 4 * GB, columns: [column('a', 1, 1), column('b', 8, 8)] },
      {
        table: 'public.w',
        rows: 1e8,
        bytes: 4 * GB,
        columns: [column('a', 8, 8), column('b', 4, 4), column('c', 1, 1)],
      },
      {
        table: 'public.x',
        rows: 1e5,
        bytes: GB,
        columns: [column('a', 1, 1), column('b', 8, 8), column('c', 1, 1), column('d', 8, 8)],
      },
    ],
  },
  {
    check: 'parent-statistics',
    bad: [
      { table: 'public.never', analyzed: -1, since: null, rows: 5000, major: 17 },
      { table: 'public.empty', analyzed: 0, since: 2 * DAY, rows: 5000, major: 17 },
      { table: 'public.crashed', analyzed: 0, since: null, rows: 5000, major: 17 },
      { table: 'public.young', analyzed: 0, since: 3600, rows: 5000, major: 17 },
      { table: 'public.grown', analyzed: 2000, since: 2 * DAY, rows: 5000, major: 17 },
    ],
    finds: [
      { level: 'warning', object: 'table public.never' },
      { level: 'warning', object: 'table public.empty' },
      { level: 'warning', object: 'table public.crashed' },
      { level: 'info', object: 'table public.young' },
      { level: 'info', object: 'table public.grown' },
    ],
    good: [
      { table: 'public.small', analyzed: -1, since: null, rows: 999, major: 17 },
      { table: 'public.same', analyzed: 4000, since: 9 * DAY, rows: 5000, major: 17 },
    ],
  },
  {
    check: 'pooler-waiting',
    bad: [
      { database: 'shop', user: 'app', cl_waiting: '3', maxwait: '9', sv_active: '5', sv_idle: '0' },
      { database: 'shop', user: 'job', cl_waiting: '1', maxwait: '2', sv_active: '5', sv_idle: '0' },
    ],
    finds: [
      { level: 'error', object: 'pool app@shop' },
      { level: 'warning', object: 'pool job@shop' },
    ],
    good: [{ database: 'shop', user: 'app', cl_waiting: '0', maxwait: '0', sv_active: '5', sv_idle: '0' }],
  },
  {
    check: 'pooler-version',
    bad: [{ version: 'PgBouncer 1.24.1' }],
    finds: [{ object: 'pooler' }],
    good: [{ version: 'PgBouncer 1.25.2' }, { version: 'PgBouncer 2.0' }, { version: 'odyssey' }],
  },
  {
    check: 'checksum-failure',
    bad: [{ database: 'shop', failures: 2, last: 'today' }],
    finds: [{ object: 'database shop' }],
    good: [],
  },
  {
    check: 'data-checksums',
    bad: [{ enabled: false }],
    finds: [{ object: 'data_checksums' }],
    good: [{ enabled: true }],
  },
  {
    check: 'configuration-file-error',
    bad: [{ file: 'postgresql.conf', line: 7, name: null, error: 'syntax error' }],
    finds: [{ object: 'postgresql.conf: line 7' }],
    good: [],
  },
  {
    check: 'extension-advisory',
    bad: [
      { name: 'vector', ident: 'vector', installed: '0.8.0', versions: ['0.8.0', '0.8.2'] },
      { name: 'hstore', ident: 'hstore', installed: '1.0', versions: [] },
    ],
    finds: [
      { level: 'warning', object: 'extension vector before 0.8.2' },
      { level: 'info', object: 'extension vector before 0.8.4' },
    ],
    good: [{ name: 'vector', ident: 'vector', installed: '0.10.0', versions: [] }],
  },
  {
    check: 'server-version',
    bad: [{ major: 17, minor: 9, today: '2026-01-10' }, {}],
    finds: [{ level: 'warning', object: 'minor of 17' }],
    good: [{ major: 17, minor: 11, today: '2026-01-10' }],
  },
  {
    check: 'server-version',
    bad: [{ major: 15, minor: 19, today: '2028-01-10' }],
    finds: [{ level: 'error', object: 'major 15' }],
    good: [{ major: 15, minor: 30, today: '2026-01-10' }],
  },
  {
    check: 'settings-drift',
    bad: [],
    finds: [{ object: 'setting work_mem' }],
    good: [],
    context: {
      baseline: { writtenAt: new Date('2026-01-09T00:00:00Z'), settings: { work_mem: '65536' }, bytes: 100 * GB },
    },
  },
  {
    check: 'worst-case-memory',
    bad: [{ ...memory, workMem: 64 * 1024 ** 2 }],
    finds: [{ level: 'error', object: 'memory' }],
    good: [memory],
  },
  {
    check: 'cache-size',
    bad: [{ sharedBuffers: 9 * GB, cache: 4 * GB, hugePages: 'off' }],
    finds: [
      { object: 'setting shared_buffers' },
      { object: 'setting effective_cache_size' },
      { level: 'info', object: 'setting huge_pages' },
    ],
    good: [{ sharedBuffers: 4 * GB, cache: 10 * GB, hugePages: null }],
  },
  {
    check: 'connection-churn',
    bad: [{ sessions: 90_000, seconds: 0.2, since: 3600 }],
    finds: [{ object: 'sessions' }],
    good: [{ sessions: 90, seconds: 0.2, since: 3600 }],
  },
  {
    check: 'timeouts',
    bad: [{ unset: ['statement_timeout'], roles: ['app'] }],
    finds: [{ object: 'setting statement_timeout' }],
    good: [{ unset: [], roles: ['app'] }],
  },
  {
    check: 'autovacuum-cost',
    bad: [{ ...cost, delay: 20, tables: ['public.t'] }],
    finds: [
      { level: 'warning', object: 'setting autovacuum_vacuum_cost_delay' },
      { level: 'info', object: 'table public.t' },
    ],
    good: [cost, { ...cost, databaseBytes: 500 * GB, limit: 2000 }],
  },
  {
    check: 'autovacuum-cost',
    bad: [{ ...cost, workers: 4 }],
    finds: [{ object: 'setting autovacuum_max_workers' }],
    good: [{ ...cost, workers: 6, limit: 1000 }],
  },
  {
    check: 'autovacuum-cost',
    bad: [{ ...cost, databaseBytes: 500 * GB }],
    finds: [{ object: 'setting autovacuum_vacuum_cost_limit' }],
    good: [cost],
  },
  {
    check: 'autovacuum-scale',
    bad: [{ table: 'public.t', bytes: 20 * GB, rows: 1e8, scale: 0.2, trigger: 2e7, max: null }],
    finds: [{ object: 'table public.t' }],
    good: [],
  },
  {
    check: 'autovacuum-settings',
    bad: [
      setting('autovacuum_naptime', '600', { unit: 's' }),
      setting('autovacuum_vacuum_insert_threshold', '-1'),
      setting('autovacuum_work_mem', '-1', { maintenance: 2 * 1024 ** 2, major: 17 }),
      setting('log_autovacuum_min_duration', '-1'),
    ],
    finds: [
      { level: 'warning', object: 'setting autovacuum_naptime' },
      { level: 'warning', object: 'setting autovacuum_vacuum_insert_threshold' },
      { level: 'warning', object: 'setting autovacuum_work_mem' },
      { level: 'info', object: 'setting log_autovacuum_min_duration' },
    ],
    good: [
      setting('autovacuum_naptime', '60'),
      setting('autovacuum_work_mem', '-1', { maintenance: 65_536, major: 17 }),
      setting('autovacuum_work_mem', '-1', { maintenance: 2 * 1024 ** 2, major: 16 }),
    ],
  },
  {
    check: 'transaction-id-age',
    bad: [
      { object: 'public.t', kind: 'table', ids: 'transaction', age: 1.2e9, freezeMax: 2e8, failsafe: 1.6e9 },
      { object: 'database shop', kind: 'database', ids: 'multixact', age: 5e8, freezeMax: 4e8, failsafe: 1.6e9 },
    ],
    finds: [
      { level: 'error', object: 'public.t (transaction ids)' },
      { level: 'warning', object: 'database shop (multixact ids)' },
    ],
    good: [],
  },
  {
    check: 'vacuum-blocked',
    bad: [
      {
        pid: 1,
        what: 'autovacuum: VACUUM public.t',
        seconds: 5,
        blockers: [{ pid: 2, user: 'bob', query: `lock table t -- 'x'` }],
      },
    ],
    finds: [{ object: 'autovacuum: VACUUM public.t' }],
    good: [],
  },
  {
    check: 'vacuum-passes',
    bad: [{ table: 'public.t', passes: 3, phase: 'vacuuming heap', done: 0.5, memory: 1e6 }],
    finds: [{ object: 'table public.t' }],
    good: [],
  },
  {
    check: 'vacuum-time',
    bad: [{ table: 'public.t', seconds: 3000, since: 7200 }],
    finds: [{ object: 'table public.t' }],
    good: [{ table: 'public.t', seconds: 10, since: 7200 }],
  },
  {
    check: 'visibility-map',
    bad: [{ table: 'public.t', bytes: 2 * GB, visible: 0.1, inserted: 5 }],
    finds: [{ object: 'table public.t' }],
    good: [],
  },
  {
    check: 'index-count',
    bad: [{ table: 'public.t', indexes: 12, indexBytes: 1, tableBytes: 1, writes: 9 }],
    finds: [{ object: 'table public.t' }],
    good: [{ table: 'public.t', indexes: 9, indexBytes: 1, tableBytes: 1, writes: 9 }],
  },
  {
    check: 'random-key',
    bad: [{ table: 'public.t', column: 'id', correlation: 0.01, bytes: 2 * GB, defaulted: 'gen_random_uuid()' }],
    finds: [{ object: 'table public.t' }],
    good: [],
  },
  {
    check: 'sequential-scans',
    bad: [{ table: 'public.t', rows: 1e6, scans: 500, read: 5e8, indexScans: 3 }],
    finds: [{ object: 'table public.t' }],
    good: [{ table: 'public.t', rows: 1e6, scans: 500, read: 5e5, indexScans: 3 }],
  },
  {
    check: 'unused-index',
    bad: [
      { ...unused, index: 'public.i', window: 40 * DAY, standbys: 1 },
      { ...unused, index: 'public.once', window: 40 * DAY, scans: 3, idle: 35 * DAY },
    ],
    finds: [{ object: 'index public.i' }, { object: 'index public.once' }],
    good: [
      { ...unused, window: 10 * DAY },
      { ...unused, window: 40 * DAY, scans: 3, idle: 10 * DAY },
      { ...unused, window: 40 * DAY, scans: 3, idle: null },
      { ...unused, window: 40 * DAY, bytes: 2 ** 19 },
    ],
  },
  {
    check: 'cache-reads',
    bad: [{ hits: 2000, reads: 3000, evictions: 10 }],
    finds: [{ object: 'shared_buffers' }],
    good: [{ hits: 1_000_000, reads: 3000, evictions: 10 }],
    context: { before: [{ hits: 1000, reads: 1000, evictions: 0 }], seconds: 10 },
  },
  {
    check: 'checkpoints',
    bad: [
      { timed: 1, requested: 399, seconds: 6000, maxWal: 8 * GB, timeout: 900, walBytes: 46 * GB, walSeconds: 6000 },
    ],
    finds: [{ level: 'info', object: 'checkpoints by command' }],
    good: [],
  },
  {
    check: 'checkpoints',
    bad: [{ timed: 10, requested: 30, seconds: DAY, maxWal: GB, timeout: 300, walBytes: 1e12, walSeconds: DAY }],
    finds: [{ object: 'setting max_wal_size' }],
    good: [
      { timed: 300, requested: 30, seconds: DAY, maxWal: GB, timeout: 300, walBytes: 1e12, walSeconds: DAY },
      { timed: 1, requested: 9, seconds: 60, maxWal: GB, timeout: 300, walBytes: 1, walSeconds: 60 },
    ],
  },
  {
    check: 'deadlocks',
    bad: [
      { deadlocks: 30, seconds: 7200 },
      { deadlocks: 1, seconds: 90 * DAY },
    ],
    finds: [
      { level: 'warning', object: 'deadlocks' },
      { level: 'info', object: 'deadlocks' },
    ],
    good: [],
  },
  {
    check: 'full-page-images',
    bad: [{ images: 2e6, walBytes: 2e10, compression: 'off', best: 'lz4' }],
    finds: [{ object: 'setting wal_compression' }],
    good: [
      { images: 2e6, walBytes: 2e10, compression: 'lz4', best: 'lz4' },
      { images: 2e5, walBytes: 2e9, compression: 'off', best: 'lz4' },
    ],
  },
  {
    check: 'rollbacks',
    bad: [{ commits: 8000, rollbacks: 4000 }],
    finds: [{ object: 'rollbacks' }],
    good: [
      { commits: 80, rollbacks: 40 },
      { commits: 80_000, rollbacks: 40 },
    ],
  },
  {
    check: 'session-ends',
    bad: [
      { sessions: 200, abandoned: 0, fatal: 50, killed: 1 },
      { sessions: 200, abandoned: 50, fatal: 0, killed: 0 },
    ],
    finds: [
      { level: 'warning', object: 'sessions' },
      { level: 'info', object: 'sessions' },
    ],
    good: [{ sessions: 200, abandoned: 1, fatal: 1, killed: 1 }],
  },
  {
    check: 'statement-eviction',
    bad: [{ evicted: 500, seconds: DAY, max: 5000 }],
    finds: [{ object: 'setting pg_stat_statements.max' }],
    good: [{ evicted: 1, seconds: DAY, max: 5000 }],
  },
  {
    check: 'statement-load',
    bad: [
      { key: 'a', query: `select 'x'`, calls: 300, ms: 9000, rows: 1, temporary: 3 },
      { key: 'b', query: 'select 2', calls: 10, ms: 100, rows: 1, temporary: 0 },
    ],
    finds: [{ object: 'statement a' }],
    good: [{ key: 'a', query: 'select 1', calls: 100, ms: 1000, rows: 1, temporary: 0 }],
    context: { before: [{ key: 'a', calls: 100, ms: 1000 }], seconds: 10 },
  },
  {
    check: 'temporary-files',
    bad: [{ files: 900, bytes: 90 * GB, seconds: 7200 }],
    finds: [{ object: 'temporary files' }],
    good: [{ files: 900, bytes: GB, seconds: 7200 }],
  },
  {
    check: 'wait-events',
    bad: [
      { type: 'LWLock', event: 'LockManager', sessions: 30 },
      { type: 'CPU', event: 'running', sessions: 60 },
    ],
    finds: [{ object: 'wait event LWLock/LockManager' }],
    good: [{ type: 'CPU', event: 'running', sessions: 60 }],
    context: { looks: 10, seconds: 10 },
  },
  {
    check: 'point-in-time',
    bad: [{ receivers: 0, slots: 0 }],
    finds: [{ level: 'info', object: 'archive_mode' }],
    good: [],
  },
  {
    check: 'replication-lag',
    bad: [{ name: 'b', state: 'streaming', sync: 'async', sent: 0, replayed: 9e8, seconds: 30 }],
    finds: [{ object: 'standby b' }],
    good: [{ name: 'b', state: 'streaming', sync: 'async', sent: 0, replayed: 9e3, seconds: 3000 }],
  },
  { check: 'standby-conflicts', bad: [{ total: 3, snapshot: 2, lock: 1 }], finds: [{ object: 'conflicts' }], good: [] },
  {
    check: 'synchronous-standbys',
    bad: [
      {
        synchronous: 'ANY 2 (a, b)',
        standbys: [
          { name: 'a', state: 'streaming', sync: 'quorum' },
          { name: 'b', state: 'catchup', sync: 'quorum' },
        ],
        waiting: 3,
        longest: 12,
      },
    ],
    finds: [{ object: 'setting synchronous_standby_names' }],
    good: [
      {
        synchronous: 'FIRST 1 (a, b)',
        standbys: [{ name: 'a', state: 'streaming', sync: 'sync' }],
        waiting: 0,
        longest: null,
      },
    ],
  },
  {
    check: 'wal-directory',
    bad: [{ files: 9, bytes: 9 * GB, max: GB, keep: 0 }],
    finds: [{ object: 'pg_wal' }],
    good: [{ files: 9, bytes: 9 * GB, max: GB, keep: 8 * GB }],
  },
  {
    check: 'superusers',
    bad: Array.from({ length: 11 }, (_, n) => ({ role: `r${n}` })),
    finds: [{ object: 'superusers' }],
    good: [{ role: 'postgres' }],
  },
  {
    check: 'partition-count',
    bad: [{ table: 'public.t', partitions: 2000, relations: 4000, locks: 6400 }],
    finds: [{ object: 'table public.t' }],
    good: [{ table: 'public.t', partitions: 50, relations: 100, locks: 6400 }],
  },
  {
    check: 'vector-index-memory',
    bad: [{ index: 'public.i', bytes: 9 * GB, shared: GB }],
    finds: [{ object: 'index public.i' }],
    good: [],
  },
  {
    check: 'vector-recall',
    bad: [
      {
        index: 'public.i',
        table: 'public.t',
        column: 'e',
        operator: '<=>',
        method: 'hnsw',
        rows: 1e6,
        recall: 0.6,
        worst: 0.1,
        queries: 20,
      },
    ],
    finds: [{ object: 'index public.i' }],
    good: [
      {
        index: 'public.i',
        table: 'public.t',
        column: 'e',
        operator: '<=>',
        method: 'hnsw',
        rows: 1e6,
        recall: 0.97,
        worst: 0.8,
        queries: 20,
      },
    ],
  },
  {
    check: 'collation-version',
    bad: [{ kind: 'database', name: 'shop', recorded: '2.31', actual: '2.36' }],
    finds: [{ object: 'database shop' }],
    good: [],
  },
  {
    check: 'cron-job',
    bad: [
      {
        id: 1,
        name: 'nightly',
        command: 'vacuum full t',
        schedule: '0 3 * * *',
        failed: 0,
        last: 'succeeded',
        message: null,
        full: true,
      },
      {
        id: 2,
        name: null,
        command: 'select 1/0',
        schedule: '0 3 * * *',
        failed: 7,
        last: 'failed',
        message: 'division by zero',
        full: false,
      },
    ],
    finds: [{ object: 'job nightly' }, { object: 'job 2' }],
    good: [],
  },
  {
    check: 'orphaned-table',
    bad: [{ table: 'pg_temp_9.t', bytes: 8192, age: 5 }],
    finds: [{ object: 'table pg_temp_9.t' }],
    good: [],
  },
  { check: 'invalid-database', bad: [{ database: 'half' }], finds: [{ object: 'database half' }], good: [] },
  {
    check: 'logging',
    bad: [setting('log_lock_waits', 'off')],
    finds: [{ level: 'info', object: 'setting log_lock_waits' }],
    good: [setting('log_lock_waits', 'on'), setting('log_temp_files', '10240')],
  },
  {
    check: 'statement-statistics',
    bad: [{ installed: false, preloaded: true, available: true }],
    finds: [{ object: 'extension pg_stat_statements' }],
    good: [{ installed: true, preloaded: true, available: true }],
  },
  {
    check: 'clock',
    bad: [{}],
    finds: [{ object: 'clock' }],
    good: [{}],
    context: { server: { ...CONTEXT.server, clock: { ahead: -90, within: 0.2 } } },
  },
  {
    check: 'database-growth',
    bad: [{ bytes: 140 * GB }],
    finds: [{ level: 'error', object: 'databases' }],
    good: [{ bytes: 140 * GB }],
    context: { diskFreeBytes: 30 * GB, baseline: dayBefore(100 * GB) },
  },
  {
    check: 'database-growth',
    bad: [{ bytes: 110 * GB }],
    finds: [{ level: 'warning', object: 'databases' }],
    good: [{ bytes: 110 * GB }],
    context: { diskFreeBytes: 30 * GB, baseline: dayBefore(100 * GB) },
  },
  {
    check: 'database-growth',
    bad: [{ bytes: 106 * GB }],
    finds: [{ level: 'info', object: 'databases' }],
    good: [{ bytes: 106 * GB }],
    context: { baseline: dayBefore(100 * GB) },
  },
  {
    check: 'write-rate',
    bad: [{ databases: 11 * GB, wal: 6 * GB, temporary: 2 * GB }],
    finds: [
      { level: 'error', object: 'databases' },
      { level: 'warning', object: 'temporary files' },
      { level: 'info', object: 'WAL' },
    ],
    good: [{ databases: 10 * GB, wal: 5 * GB, temporary: GB }],
    context: {
      ...{ before: [{ databases: 10 * GB, wal: 5 * GB, temporary: GB }], seconds: 60, diskFreeBytes: 100 * GB },
      server: { ...CONTEXT.server, settings: { max_wal_size: '1024', checkpoint_timeout: '300' } },
    },
  },
  {
    check: 'write-rate',
    bad: [{ databases: 10 * GB + 3 * 1024 ** 2, wal: 0, temporary: 0 }],
    finds: [{ level: 'warning', object: 'databases' }],
    good: [{ databases: 10 * GB + 1024, wal: 0, temporary: 0 }],
    context: {
      ...{ before: [{ databases: 10 * GB, wal: 0, temporary: 0 }], seconds: 60, diskFreeBytes: 20 * GB },
      server: { ...CONTEXT.server, settings: { max_wal_size: '1024', checkpoint_timeout: '300' } },
    },
  },
  {
    check: 'backend-writes',
    bad: [{ written: 20_000, backends: 9000, syncs: 0 }],
    finds: [{ object: 'sessions' }],
    good: [{ written: 20_000, backends: 1100, syncs: 0 }],
    context: { before: [{ written: 1000, backends: 1000, syncs: 0 }], seconds: 60 },
  },
  {
    check: 'backend-writes',
    bad: [{ written: 2, backends: 1, syncs: 2 }],
    finds: [{ object: 'sessions' }],
    good: [{ written: 2, backends: 1, syncs: 0 }],
    context: { before: [{ written: 1, backends: 1, syncs: 0 }], seconds: 60 },
  },
  {
    check: 'temporary-space',
    bad: [{ files: 9, bytes: 20 * GB, left: 2, leftBytes: GB, oldest: 7200 }],
    finds: [
      { level: 'warning', object: 'temporary files now' },
      { level: 'info', object: 'temporary files left behind' },
    ],
    good: [
      { files: 9, bytes: GB, left: 0, leftBytes: 0, oldest: null },
      // A session that has just ended removes its own.
      { files: 9, bytes: GB, left: 1, leftBytes: 1, oldest: 1 },
    ],
  },
  {
    check: 'statement-spread',
    bad: [{ key: '1/2/true', query: 'select $1', calls: 500, mean: 25, deviation: 400, longest: 9000 }],
    finds: [{ object: 'statement 1/2/true' }],
    good: [
      { key: 'k', query: 'select $1', calls: 99, mean: 25, deviation: 400, longest: 9000 },
      { key: 'k', query: 'select $1', calls: 500, mean: 19, deviation: 400, longest: 9000 },
      { key: 'k', query: 'select $1', calls: 500, mean: 25, deviation: 74, longest: 9000 },
    ],
  },
  {
    check: 'statement-volume',
    bad: [
      { key: 'sorts', query: 'select 1', calls: 2, temporary: GB, wal: 0, rows: 2 },
      { key: 'writes', query: 'update t set n = 1', calls: 2, temporary: 0, wal: GB, rows: 0 },
      { key: 'returns', query: 'select 2', calls: 2, temporary: 0, wal: 0, rows: 20_000 },
    ],
    finds: [{ object: 'statement sorts' }, { object: 'statement writes' }, { object: 'statement returns' }],
    good: [{ key: 'begun', query: 'select 3', calls: 5, temporary: GB, wal: GB, rows: 10 ** 6 }],
    context: {
      before: [{ key: 'begun', query: 'select 3', calls: 5, temporary: GB, wal: GB, rows: 10 ** 6 }],
      seconds: 60,
    },
  },
  {
    check: 'partition-pruning',
    bad: [{ table: 'public.t', partitions: 12, most: 5000, least: 4900, median: 4950 }],
    finds: [{ object: 'table public.t' }],
    good: [
      { table: 'public.t', partitions: 12, most: 5000, least: 20, median: 30 },
      { table: 'public.t', partitions: 12, most: 900, least: 900, median: 900 },
    ],
  },
  {
    check: 'partman-retention',
    bad: [{ table: 'public.t', retention: '30 days', partitions: 3, late: 9 * DAY }],
    finds: [{ object: 'table public.t' }],
    good: [{ table: 'public.t', retention: '30 days', partitions: 1, late: DAY }],
  },
]

describe.each(CASES)('$check', ({ check: id, bad, finds, good, context }) => {
  const check = CHECKS.find((one) => one.id === id)
  const judge = (rows: readonly object[], more: Partial<CheckContext> = {}) =>
    check?.evaluate(rows, { ...CONTEXT, ...more }) ?? []

  test('finds what is wrong, and says what to do', () => {
    const drafts = judge(bad, context)
    expect(drafts.map(({ level, object }) => ({ level: level ?? check?.level, object }))).toEqual(
      finds.map(({ level = check?.level, object }) => ({ level, object })),
    )
    for (const { summary, remedy } of drafts) {
      expect(summary).toMatch(/^[A-Z0-9a-z].*[.:)a-z0-9?]$/s)
      expect(summary).not.toMatch(/undefined|null|NaN|Infinity/)
      for (const text of [remedy.text, remedy.lock, remedy.undo]) expect(text).not.toBe('')
    }
  })

  test('finds nothing where nothing is wrong', () => {
    if (id === 'settings-drift')
      expect(
        judge(good, { baseline: { writtenAt: new Date(0), settings: settingsOf(CONTEXT.server.settings), bytes: 0 } }),
      ).toEqual([])
    else if (context?.before !== undefined || context?.looks !== undefined) expect(judge(good, context)).toEqual([])
    else for (const row of good) expect(judge([row])).toEqual([])
    // Many leave the choice to their statement: without rows there is no finding.
    if (id !== 'settings-drift') expect(judge([])).toEqual([])
  })
})

test('no figure of a finding is in its object, so that fingerprints stay', () => {
  for (const { check: id, bad, context } of CASES) {
    const check = CHECKS.find((one) => one.id === id)
    const objects = check?.evaluate(bad, { ...CONTEXT, ...context }).map(({ object }) => object) ?? []
    for (const object of objects) expect(object, id).not.toMatch(/ %|\d,\d{3}| (MB|GB|kB)\b/)
  }
})
