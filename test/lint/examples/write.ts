import type { Examples } from './index.js'

/** Rules on what is written. */
export const WRITE: Readonly<Record<string, Examples>> = {
  'copy-server-file': {
    bad: ["copy (select 1) to '/tmp/metrics.csv' csv header", "copy a from program 'cat x'"],
    good: ['copy a to stdout', 'copy (select 1) to stdout csv header'],
  },
  'lock-unordered': {
    bad: [
      'select id from jobs where id = any ($1) for update',
      "select id from jobs where status = 'open' order by priority limit 1 for update",
    ],
    good: [
      'select id from jobs where id = any ($1) order by id for update',
      "select id from jobs where status = 'open' order by priority limit 1 for update skip locked",
      'select id from jobs where id = $1 for update',
    ],
  },
  'upsert-averages': {
    bad: ['insert into q (k, v) values ($1, $2) on conflict (k) do update set v = (q.v + excluded.v) / 2'],
    good: ['insert into q (k, v) values ($1, $2) on conflict (k) do update set v = q.v + 0.1 * (excluded.v - q.v)'],
  },
  'upsert-keeps-expiry': {
    bad: [
      "insert into q (k, v, expires_at) values ($1, $2, now() + interval '30 days') on conflict (k) do update set v = excluded.v",
    ],
    good: [
      'insert into q (k, v, expires_at) values ($1, $2, $3) on conflict (k) do update set v = excluded.v, expires_at = excluded.expires_at',
      'insert into q (k, v, expires_at) values ($1, $2, $3) on conflict (k) do nothing',
      'insert into q (k, v, expires_at) values ($1, $2, $3) on conflict (k) do update set v = q.v where false',
    ],
  },
  'upsert-loses-update': {
    bad: [
      'insert into q (k, q_value, visits) values ($1, $2, 1) on conflict (k) do update set q_value = excluded.q_value, visits = q.visits + 1',
      'insert into pages (url, hits) values ($1, $2) on conflict (url) do update set hits = excluded.hits',
    ],
    good: [
      'insert into jobs (key, max_attempts) values ($1, $2) on conflict (key) do update set max_attempts = excluded.max_attempts',

      'insert into q (k, q_value, visits) values ($1, $2, 1) on conflict (k) do update set q_value = q.q_value + 0.1 * (excluded.q_value - q.q_value), visits = q.visits + 1',
      'insert into settings (k, value) values ($1, $2) on conflict (k) do update set value = excluded.value',
      'insert into totals (day, count) select day, count(*) from events group by day order by day on conflict (day) do update set count = excluded.count',
    ],
  },
  'upsert-unordered': {
    bad: [
      'insert into q (k, v) select k, v from unnest($1::text[], $2::int[]) as x(k, v) on conflict (k) do update set v = excluded.v',
    ],
    good: [
      'insert into q (k, v) select k, v from unnest($1::text[], $2::int[]) as x(k, v) order by k on conflict (k) do update set v = excluded.v',
      'insert into q (k, v) values ($1, $2) on conflict (k) do update set v = excluded.v',
      'insert into q (k, v) select k, v from jsonb_to_record($1) as x(k text, v int) on conflict (k) do update set v = excluded.v',
    ],
  },
  'write-without-where': {
    bad: ['delete from jobs', "update jobs set status = 'new'"],
    good: [
      'delete from jobs where id = $1',
      'delete from jobs using old where old.id = jobs.id',
      'create table a (x int); update a set x = 1',
    ],
  },
}

const ITEMS =
  'create table items (id int, tenant text, embedding vector(768)); create index i on items using hnsw (embedding vector_cosine_ops);'

/** Rules on vectors. */
export const VECTOR: Readonly<Record<string, Examples>> = {
  'vector-distance-threshold': {
    bad: ['select id from items where embedding <=> $1 < 0.3'],
    good: [
      'select id from (select id, embedding <=> $1 as distance from items order by embedding <=> $1 limit 50) x where distance < 0.3',
      'select id from places where at <-> $1 < 3',
    ],
  },
  'vector-filter': {
    bad: [`${ITEMS} select id from items where tenant = $2 order by embedding <=> $1 limit 10`],
    good: [
      `${ITEMS} begin; set local hnsw.iterative_scan = 'strict_order'; select id from items where tenant = $2 order by embedding <=> $1 limit 10; commit`,
      `${ITEMS} select id from items order by embedding <=> $1 limit 10`,
    ],
  },
  'vector-index-limits': {
    bad: [
      'create table items (embedding vector(3072)); create index i on items using hnsw (embedding vector_cosine_ops)',
      'create index i on items using hnsw (embedding vector_cosine_ops) with (m = 40, ef_construction = 64)',
    ],
    good: [
      'create table items (embedding vector(3072)); create index i on items using hnsw ((embedding::halfvec(3072)) halfvec_cosine_ops)',
      'create index i on items using hnsw (embedding vector_cosine_ops) with (m = 16, ef_construction = 64)',
    ],
  },
  'vector-literal': {
    bad: ["select '[0.1, 0.2, ...]'::vector"],
    good: ["select '[0.1, -0.2, 3e-4]'::vector", 'select $1::vector'],
  },
  'vector-operator-class': {
    bad: [`${ITEMS} select id from items order by embedding <-> $1::vector limit 10`],
    good: [`${ITEMS} select id from items order by embedding <=> $1 limit 10`],
  },
  'vector-order': {
    bad: [
      'select id from items order by embedding <=> $1',
      'select id, 1 - (embedding <=> $1) as score from items order by score desc limit 10',
      `${ITEMS} select id from items order by embedding <-> $1 desc limit 10`,
    ],
    good: [
      'select id from items order by embedding <=> $1 limit 10',
      'select id from items order by (embedding <=> $1) + 0 limit 10',
      "select name from a order by name <-> 'x'",
    ],
  },
}

/** Rules on settings of a session. */
export const SESSION: Readonly<Record<string, Examples>> = {
  'session-setting': {
    bad: [
      "set app.current_tenant_id = 'tenant-123'",
      'set hnsw.ef_search = 40',
      "select set_config('app.tenant', $1, false)",
      { text: "set statement_timeout = '1s'", pooling: 'transaction' },
      { text: "await client.query('SET app.tenant = 5')", as: 'ts' },
    ],
    good: [
      "begin; set local app.tenant = 'a'; commit",
      "select set_config('app.tenant', $1, true)",
      "set statement_timeout = '1s'",
      { text: "set app.tenant = 'a'", pooling: 'session' },
    ],
  },
  'set-local-outside': {
    bad: ["set local work_mem = '64MB'"],
    good: [
      "begin; set local work_mem = '64MB'; commit",
      { text: "set local lock_timeout = '1s'", path: 'migrations/0001_a.sql' },
    ],
  },
  'superuser-setting': {
    bad: ['set log_min_duration_statement = 100', "set shared_buffers = '1GB'"],
    good: ["set work_mem = '64MB'", 'alter system set log_min_duration_statement = 100'],
  },
  'unknown-session-setting': {
    bad: [
      "set wrok_mem = '1MB'",
      "alter role app set stats_temp_directory = 'x'",
      { text: "set transaction_timeout = '1s'", version: 16 },
    ],
    good: [
      "set work_mem = '1MB'",
      { text: "set transaction_timeout = '1s'", version: 17 },
      'set app.anything = 1',
      "set time zone 'UTC'",
      'set session authorization app',
    ],
  },
}
