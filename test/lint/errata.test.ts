// biome-ignore-all lint/suspicious/noTemplateCurlyInString: programs that are linted, as texts
import { expect, test } from 'vitest'
import { type Example, lintText } from './lint-text.js'

// Advice that is wrong or outdated, as it stands in guides to tuning that are read a lot, in words of our own: each has to be
// found. The numbers are those of the list of such advice that the linter is held against: each is found here, or left alone
// for being right, or there is a reason why it is no input of a linter.
const conf = (text: string): Example => ({ text, as: 'postgresql.conf' })
const ini = (text: string): Example => ({
  text: `[databases]\nagents = host=localhost dbname=agents\n[pgbouncer]\n${text}`,
  as: 'pgbouncer.ini',
})
const ts = (text: string): Example => ({ text, as: 'ts' })

const LOGS =
  'create table logs (tenant text, id uuid, at timestamptz, body jsonb, primary key (tenant, at, id)) partition by range (at);'
const LEARNED =
  'create table learned (agent text, state text, action text, value float8, expires_at timestamptz not null);'
const DOCS = 'create table docs (id int primary key, config jsonb);'
const ITEMS =
  'create table items (id int primary key, tenant text, embedding vector(768)); create index near on items using hnsw (embedding vector_cosine_ops);'

const ERRATA: readonly [number: string, rule: string, input: string | Example][] = [
  [
    '1',
    'volatile-index',
    "create index concurrently fresh on sessions (speed) where status = 'active' and seen_at > now() - interval '1 hour'",
  ],
  [
    '2',
    'unique-without-partition-key',
    'create table walks (walk_id uuid primary key, ended_at timestamptz not null) partition by range (ended_at)',
  ],
  ['3', 'not-in-transaction', 'do $$ begin analyze; vacuum (analyze, verbose); end $$'],
  ['4', 'unknown-system-column', 'select tablename, indexname, idx_scan from pg_stat_user_indexes where idx_scan = 0'],
  [
    '5',
    'unknown-system-column',
    'select tablename, last_analyze, n_dead_tup from pg_stat_user_tables order by n_dead_tup desc',
  ],
  ['6', 'unknown-system-column', 'select query, total_time, mean_time, stddev_time from pg_stat_statements'],
  [
    '6',
    'unknown-system-column',
    ts('const slow = await db.query(`select query, mean_time as value from pg_stat_statements where mean_time > 100`)'),
  ],
  ['7', 'parent-storage-parameters', `${LOGS} alter table logs set (autovacuum_vacuum_scale_factor = 0.05)`],
  [
    '8',
    'duplicate-name',
    'create index by_tenant on items (tenant_id); create index by_tenant on items (tenant_id, kind)',
  ],
  ['9', 'vector-literal', "select embedding <=> '[0.1, 0.2, ...]'::vector from items limit 3"],
  [
    '11',
    'relation-name-joined',
    "select pg_size_pretty(pg_total_relation_size(schemaname || '.' || tablename)) from pg_tables",
  ],
  ['12', 'superuser-setting', 'set log_min_duration_statement = 100'],
  ['14', 'session-setting', "set app.tenant = 'tenant-5'"],
  ['14', 'session-setting', ts("await client.query(`select set_config('app.tenant', $1, false)`, [tenant])")],
  ['15', 'row-security-not-forced', 'alter table sessions enable row level security'],
  ['15', 'row-security-off', 'alter table sessions disable row level security'],
  ['16', 'connection-url', ts("const url = 'postgresql://postgres:secret@db.example.com:5432/agents'")],
  ['17', 'policy-setting', "create policy own on learned using (agent = current_setting('app.agent')::varchar)"],
  [
    '18',
    'upsert-averages',
    'insert into learned (agent, value) values ($1, $2) on conflict (agent) do update set value = (learned.value + excluded.value) / 2',
  ],
  [
    '19',
    'upsert-loses-update',
    'insert into learned (agent, q_value, visit_count) values ($1, $2, 1) on conflict (agent) do update set q_value = excluded.q_value, visit_count = learned.visit_count + 1',
  ],
  [
    '20',
    'upsert-keeps-expiry',
    "insert into learned (agent, value, expires_at) values ($1, $2, now() + interval '30 days') on conflict (agent) do update set value = learned.value + 1",
  ],
  [
    '21',
    'upsert-unordered',
    'insert into learned (agent, value) select a, v from unnest($1::text[], $2::float8[]) x(a, v) on conflict (agent) do update set value = learned.value + excluded.value',
  ],
  [
    '23',
    'index-breaks-hot',
    `${LEARNED} create index best on learned (agent, state, value desc); insert into learned (agent, state, action, value, expires_at) values ($1, $2, $3, $4, $5) on conflict (agent, state, action) do update set value = excluded.value, expires_at = excluded.expires_at`,
  ],
  ['25', 'jsonb-operator-data', `select id from patterns where conditions @> '{"coverage": {"$lt": 80}}'`],
  ['26', 'unindexable-condition', "select id from patterns where similarity(name, 'api') > 0.3"],
  ['27', 'constant-index-key', "create index running on sessions (status) where status = 'active'"],
  [
    '28',
    'vacuous-index-predicate',
    `${LEARNED} create index expiring on learned (expires_at) where expires_at is not null`,
  ],
  ['29', 'gin-on-scalar', "create index concurrently env on flows using gin ((configuration -> 'environment'))"],
  ['30', 'jsonb-unindexed', `${DOCS} select id from docs where config ? 'auto_deploy'`],
  [
    '31',
    'text-search-null',
    "create index words on pulls using gin (to_tsvector('english', title || ' ' || coalesce(body, '')))",
  ],
  [
    '32',
    'blocking-by-join',
    'select w.pid, b.pid from pg_locks w join pg_locks b on b.locktype = w.locktype and b.relation is not distinct from w.relation and b.pid <> w.pid where not w.granted',
  ],
  [
    '33',
    'bloat-from-size',
    'select round((pg_total_relation_size(relid) - pg_relation_size(relid))::numeric / nullif(pg_total_relation_size(relid), 0) * 100, 2) as bloat_pct from pg_stat_user_tables',
  ],
  ['35', 'reindex-without-concurrently', 'reindex index near'],
  ['36', 'rewrite-table', 'vacuum full analyze patterns'],
  ['37', 'vacuum-budget', conf('autovacuum_vacuum_cost_delay = 10ms\nautovacuum_vacuum_cost_limit = 1000')],
  [
    '37',
    'table-vacuum-cost',
    'alter table events set (autovacuum_vacuum_cost_delay = 10, autovacuum_vacuum_cost_limit = 1000)',
  ],
  ['38', 'vacuum-budget', conf('autovacuum_max_workers = 4')],
  ['40', 'dead-tuple-count', 'select relname from pg_stat_user_tables where n_dead_tup > 10000'],
  ['41', 'pooler-auth', ini('auth_type = md5')],
  ['41', 'password-encryption-md5', conf('password_encryption = md5')],
  ['42', 'pooler-prepared-statements', ini('pool_mode = transaction')],
  ['43', 'pooler-listen', ini('listen_addr = 0.0.0.0')],
  ['43', 'pooler-watched', ini('listen_addr = 0.0.0.0')],
  ['44', 'pooler-sum', ini('default_pool_size = 20\nreserve_pool_size = 5')],
  ['45', 'asynchronous-commit', conf('synchronous_commit = off\ncommit_delay = 100')],
  [
    '46',
    'buffer-cleared-after-await',
    ts(
      'const waiting = []\nsetInterval(async () => {\n  if (waiting.length > 0) {\n    await db.transaction(async (tx) => { for (const each of waiting) { await tx`select save(${each.key})` } })\n    waiting.length = 0\n  }\n}, 100)',
    ),
  ],
  [
    '46',
    'query-in-loop',
    ts('async function flush(rows) { for (const each of rows) { await tx`select save(${each.key})` } }'),
  ],
  ['47', 'unlogged-table', 'create unlogged table staging (key text primary key, value jsonb)'],
  ['48', 'drop-cascade', 'drop schema entity cascade'],
  [
    '49',
    'extract-field',
    "do $$ declare a timestamptz; b timestamptz; begin a := clock_timestamp(); b := clock_timestamp(); raise notice '% ms', extract(millisecond from (b - a)); end $$",
  ],
  [
    '52',
    'vector-index-limits',
    'create table wide (embedding vector(3072)); create index on wide using hnsw (embedding vector_cosine_ops)',
  ],
  [
    '55',
    'vector-index-limits',
    'create index on items using hnsw (embedding vector_cosine_ops) with (m = 40, ef_construction = 64)',
  ],
  ['57', 'session-setting', 'set hnsw.ef_search = 40'],
  ['58', 'drop-index-without-concurrently', 'drop index if exists near'],
  ['60', 'vector-filter', `${ITEMS} select id from items where tenant = $2 order by embedding <=> $1 limit 10`],
  ['64', 'keyset-tie', 'select id from logs where timestamp < $1 order by timestamp desc limit 100'],
  ['67', 'detach-without-concurrently', 'alter table logs detach partition logs_2024_01; drop table logs_2024_01'],
  [
    '67',
    'attach-without-check',
    "alter table logs attach partition logs_2024_01 for values from ('2024-01-01') to ('2024-02-01')",
  ],
  ['69', 'foreign-key-target', `${LOGS} create table marks (log uuid references logs (id))`],
  [
    '72',
    'memory-sum',
    conf('shared_buffers = 2GB\neffective_cache_size = 6GB\nwork_mem = 64MB\nmax_connections = 100'),
  ],
  ['73', 'numeric-measure', 'create table learned (q_value decimal(12,6))'],
  ['74', 'connection-url', ts("const url = 'postgresql://postgres:x@db.abcdef.supabase.co:6543/postgres'")],
  ['C checkpoint', 'checkpoint-by-size', conf('checkpoint_timeout = 15min\nmax_wal_size = 1GB')],
  [
    'C pool options',
    'pool-option',
    ts('const poolConfig = { min: 2, max: 20, acquireTimeoutMillis: 30000, reapIntervalMillis: 1000 }'),
  ],
  [
    'C rollback',
    'rollback-hides-error',
    ts("async function run(f) { try { await f() } catch (error) { await client.query('ROLLBACK'); throw error } }"),
  ],
  [
    'C hit ratio',
    'cumulative-hit-ratio',
    'select round(sum(heap_blks_hit) / (sum(heap_blks_hit) + sum(heap_blks_read)) * 100, 2) from pg_statio_user_tables',
  ],
  ['C mean time', 'order-by-mean-time', 'select query from pg_stat_statements order by mean_exec_time desc limit 10'],
  ['C copy', 'copy-server-file', "copy (select 1) to '/tmp/metrics.csv' csv header"],
  [
    'C index',
    'index-without-concurrently',
    'alter table learned add column priority int default 0; create index by_priority on learned (priority)',
  ],
  [
    'C sequence',
    'sequence-burn',
    'create table learned (id bigserial primary key, agent text unique); insert into learned (agent) values ($1) on conflict (agent) do update set agent = excluded.agent',
  ],
  ['C hash', 'text-hash', 'create table learned (state_hash varchar(64))'],
  ['Anti-pattern', 'select-star', 'select * from artifacts where tenant_id = $1'],
  ['Anti-pattern', 'offset-pagination', 'select id from logs order by at desc limit 100 offset 10000'],
  ['C comment', 'pooler-setting', ini('pool_mode = transaction  # best for short queries')],
]

test.each(ERRATA)('%s is found by %s', async (_, rule, input) => {
  expect((await lintText(input)).map((finding) => finding.rule)).toContain(rule)
})

// What follows is right, or as good as what it is said to be worse than: the linter must not repeat the wrong advice.
const RIGHT: readonly [number: string, rule: string, input: string | Example][] = [
  [
    '62: the tenant need not lead every index',
    'index-redundant',
    'create table jobs (tenant text, due timestamptz, primary key (tenant, due)); create index on jobs (due)',
  ],
  ['65: a chain of OR uses an index', 'or-conditions', 'select id from sessions where id = $1 or id = $2 or id = $3'],
  ['66: a sequential scan is no fault by itself', 'unindexable-condition', 'select id from sessions'],
  [
    '59: inserts are no reason to build an index anew',
    'reindex-without-concurrently',
    'reindex index concurrently near',
  ],
  ['45: for writes that may be lost', 'asynchronous-commit', 'begin; set local synchronous_commit = off; commit'],
]

test.each(RIGHT)('%s', async (_, rule, input) => {
  expect((await lintText(input)).map((finding) => finding.rule)).not.toContain(rule)
})

/** Advice that is no SQL, settings or program: why nothing of it reaches the linter, and what holds it instead. */
const NO_INPUT: Readonly<Record<number, string>> = {
  10: 'a command line of pg_restore',
  13: 'a container file in YAML',
  22: 'a number in prose, without a measurement',
  24: 'a plan in prose; `pgfleet explain` reads real ones, and names heap fetches and sorts',
  34: 'a query of sizes that is right by itself, under a heading that promises more; the doctor reads the index',
  39: 'the settings are right, and what is missing is an ANALYZE of the parent: the doctor looks for its statistics',
  50: 'a statement that is right by itself; what breaks it is the pooler, which pooler-prepared-statements reads',
  51: 'a product named wrongly in prose',
  53: 'a formula in prose; the doctor measures the index',
  54: 'sizes in prose; the doctor measures the index',
  56: 'a rule of thumb in prose; the doctor measures recall',
  61: 'a number in prose; the statement beside it is right',
  63: 'a claim on plans in prose; `pgfleet explain` reads real ones',
  68: 'a number in prose; the benchmarks measure it',
  70: 'a hash in Python',
  71: 'a cache in front of the database',
}

test('every piece of advice is found, left alone for being right, or no input', () => {
  const numbers = (list: readonly (readonly [string, ...unknown[]])[]) =>
    list.map(([number]) => Number.parseInt(number, 10))
  const said = new Set([...numbers(ERRATA), ...numbers(RIGHT), ...Object.keys(NO_INPUT).map(Number)])
  const missing = Array.from({ length: 74 }, (_, i) => i + 1).filter((number) => !said.has(number))
  expect(missing).toEqual([])
  const found = new Set(numbers(ERRATA))
  expect(Object.keys(NO_INPUT).filter((number) => found.has(Number(number)))).toEqual([])
})
