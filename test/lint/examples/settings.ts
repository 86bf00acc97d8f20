// biome-ignore-all lint/suspicious/noTemplateCurlyInString: programs that are linted, as texts
import type { PgVersion } from '../../../dist/lint/rule.js'
import type { Example } from '../lint-text.js'
import type { Examples } from './index.js'

const conf = (text: string, version: PgVersion = 18): Example => ({ text, as: 'postgresql.conf', version })
const pooler = (text: string): Example => ({
  text: `[databases]\napp = host=10.0.0.1 dbname=app\n[pgbouncer]\n${text}`,
  as: 'pgbouncer.ini',
})

/** Rules on postgresql.conf. */
export const SETTINGS: Readonly<Record<string, Examples>> = {
  'asynchronous-commit': {
    bad: [conf('synchronous_commit = off\ncommit_delay = 100'), 'alter system set synchronous_commit = off'],
    good: [
      conf('synchronous_commit = on'),
      conf('synchronous_commit = local'),
      'begin; set local synchronous_commit = off; commit',
    ],
  },
  'checkpoint-by-size': {
    bad: [conf('checkpoint_timeout = 15min\nmax_wal_size = 1GB')],
    good: [conf('checkpoint_timeout = 15min\nmax_wal_size = 16GB')],
  },
  'dangerous-setting': {
    bad: [
      conf('fsync = off'),
      conf("full_page_writes = 'no'"),
      conf('autovacuum = 0'),
      conf('enable_seqscan = off'),
      'alter system set fsync = off',
    ],
    good: [conf('fsync = on\nautovacuum = on\nenable_seqscan = on'), conf('enable_partitionwise_join = off')],
  },
  'listen-without-tls': {
    bad: [conf("listen_addresses = '*'")],
    good: [conf("listen_addresses = '*'\nssl = on"), conf("listen_addresses = '10.0.0.5'")],
  },
  'memory-sum': {
    bad: [
      conf('shared_buffers = 2GB\neffective_cache_size = 6GB\nwork_mem = 64MB\nmax_connections = 100'),
      conf('shared_buffers = 4GB\neffective_cache_size = 1GB'),
    ],
    good: [
      conf('shared_buffers = 2GB\neffective_cache_size = 6GB\nwork_mem = 16MB\nmax_connections = 100'),
      conf('work_mem = 1GB'),
    ],
  },
  'password-encryption-md5': {
    bad: [conf('password_encryption = md5')],
    good: [conf('password_encryption = scram-sha-256')],
  },
  'setting-duplicate': {
    bad: [conf('work_mem = 4MB\nwork_mem = 8MB')],
    good: [conf('work_mem = 4MB\nmaintenance_work_mem = 64MB')],
  },
  'setting-value': {
    bad: [
      conf('work_mem = 1gb'),
      conf('max_connections = many'),
      conf('checkpoint_completion_target = 2'),
      conf('wal_level = archive'),
      conf('fsync = maybe'),
      conf('max_connections = 10MB'),
    ],
    good: [
      conf("work_mem = '1GB'"),
      conf('max_connections 200'),
      conf('checkpoint_timeout = 15min # long'),
      conf('wal_level = replica'),
      conf('wal_compression = lz4'),
      conf('autovacuum_vacuum_cost_delay = 2ms'),
      conf('effective_cache_size = 6GB'),
      conf('random_page_cost = 1.1'),
    ],
  },
  'unknown-setting': {
    bad: [
      conf('wrok_mem = 4MB'),
      conf('stats_temp_directory = x'),
      conf('transaction_timeout = 1s', 16),
      conf('io_method = worker', 17),
    ],
    good: [
      conf('work_mem = 4MB'),
      conf('pg_stat_statements.track = all'),
      conf('transaction_timeout = 1s', 17),
      conf("include 'more.conf'"),
    ],
  },
  'vacuum-budget': {
    bad: [
      conf('autovacuum_vacuum_cost_delay = 10ms\nautovacuum_vacuum_cost_limit = 1000'),
      conf('autovacuum_max_workers = 6'),
    ],
    good: [
      conf('autovacuum_vacuum_cost_delay = 2ms\nautovacuum_vacuum_cost_limit = 1000\nautovacuum_max_workers = 6'),
      conf('autovacuum_max_workers = 3'),
    ],
  },
  'vacuum-memory': {
    bad: [conf('maintenance_work_mem = 2GB')],
    good: [conf('maintenance_work_mem = 2GB\nautovacuum_work_mem = 256MB'), conf('maintenance_work_mem = 2GB', 15)],
  },
}

/** Rules on pgbouncer.ini. */
export const POOLER: Readonly<Record<string, Examples>> = {
  'pooler-auth': {
    bad: [pooler('auth_type = md5'), pooler('auth_type = trust')],
    good: [pooler('auth_type = scram-sha-256')],
  },
  'pooler-listen': {
    bad: [pooler('listen_addr = 0.0.0.0'), pooler('listen_addr = *')],
    good: [pooler('listen_addr = 127.0.0.1'), pooler('listen_addr = *\nclient_tls_sslmode = require')],
  },
  'pooler-prepared-statements': {
    bad: [pooler('pool_mode = transaction'), pooler('pool_mode = transaction\nmax_prepared_statements = 0')],
    good: [pooler('pool_mode = transaction\nmax_prepared_statements = 200'), pooler('pool_mode = session')],
  },
  'pooler-reset-query': {
    bad: [pooler('pool_mode = transaction\nserver_reset_query = DISCARD ALL')],
    good: [pooler('pool_mode = session\nserver_reset_query = DISCARD ALL'), pooler('pool_mode = transaction')],
  },
  'pooler-setting': {
    bad: [pooler('pool_size = 3'), pooler('pool_mode = transactional'), pooler('pool_mode = transaction  # best')],
    good: [pooler('; best\npool_mode = transaction\nserver_idle_timeout = 600')],
  },
  'pooler-statement-mode': { bad: [pooler('pool_mode = statement')], good: [pooler('pool_mode = transaction')] },
  'pooler-sum': {
    bad: [
      pooler('default_pool_size = 20\nreserve_pool_size = 5'),
      pooler('default_pool_size = 50\nmax_db_connections = 20'),
    ],
    good: [
      pooler('default_pool_size = 20\nmax_db_connections = 80'),
      { text: '[databases]\napp = host=a user=app\n[pgbouncer]\ndefault_pool_size = 20', as: 'pgbouncer.ini' },
    ],
  },
  'pooler-watched': { bad: [pooler('pool_mode = transaction')], good: [pooler('stats_users = monitor')] },
}

const ts = (text: string): Example => ({ text, as: 'ts' })

/** Rules on programs. */
export const PROGRAM: Readonly<Record<string, Examples>> = {
  'buffer-cleared-after-await': {
    bad: [
      ts(
        'const buffer = []\nsetInterval(async () => {\n  await db.transaction(async (tx) => { for (const each of buffer) await tx`select save(${each})` })\n  buffer.length = 0\n}, 100)',
      ),
    ],
    good: [
      ts('const buffer = []\nasync function flush() {\n  const batch = buffer.splice(0)\n  await send(batch)\n}'),
      ts(
        'async function run(rows) {\n  let batch = []\n  for (const row of rows) { batch.push(row); await send(batch); batch = [] }\n}',
      ),
    ],
  },
  'connection-url': {
    bad: [
      ts("const url = 'postgresql://postgres:secret@db.example.com/app'"),
      ts("connect('postgres://app@db.example.com/app?sslmode=disable')"),
      ts("const url = 'postgresql://app:x@db.abc.supabase.co:6543/postgres'"),
    ],
    good: [
      ts("const url = 'postgresql://app@db.example.com/app?sslmode=verify-full'"),
      ts("const url = 'postgres://postgres:postgres@localhost:5432/test'"),
    ],
  },
  'pool-option': {
    bad: [
      ts('new Pool({ max: 20, acquireTimeoutMillis: 30000 })'),
      ts('const poolConfig = { reapIntervalMillis: 1000 }'),
    ],
    good: [
      ts('new Pool({ max: 20, connectionTimeoutMillis: 3000 })'),
      ts("import knex from 'knex'\nconst pool = { acquireTimeoutMillis: 3 }"),
    ],
  },
  'query-in-loop': {
    bad: [
      ts('async function f(rows) { for (const row of rows) await client.query(`insert into a values (${row})`) }'),
      ts('async function f(rows) { for (const row of rows) { await sql`select 1` } }'),
    ],
    good: [
      ts('async function f(rows) { await client.query("insert into a select * from unnest($1::int[])", [rows]) }'),
      ts('async function f() { for (let i = 0; i < 3; i++) await client.query("select 1") }'),
    ],
  },
  'rollback-hides-error': {
    bad: [ts("async function f() { try { await g() } catch (error) { await client.query('ROLLBACK'); throw error } }")],
    good: [
      ts(
        "async function f() { try { await g() } catch (error) { await client.query('ROLLBACK').catch(() => {}); throw error } }",
      ),
    ],
  },
}
