// Databases in a bad state that SQL alone can bring about: each fault is seen, is cured by its remedy, and is gone.
import type pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Level } from '../../../dist/doctor/check.js'
import type { ThresholdName } from '../../../dist/doctor/thresholds.js'
import { onScratchServers, type ScratchServer, startServer } from '../scratch-server.js'
import { cure, diagnose, errorsOf, findingsOf, flushStatistics } from '../support.js'

interface Fault {
  readonly check: string
  readonly level: Level
  /** Brings it about, in a database of its own, `{database}`. */
  readonly by: readonly string[]
  /** What its object has to contain. */
  readonly object: string
  /** Statements in place of a remedy that is text alone. */
  readonly instead?: readonly string[]
  /** Also of error level, unavoidably. */
  readonly besides?: readonly string[]
  readonly thresholds?: Partial<Record<ThresholdName, number>>
  readonly budgetMs?: number
}

const ROWS = 'insert into t select i, i from generate_series(1, 2000) i'

/** So that what was deleted is not counted after the vacuum. */
const FLUSH = ['select pg_stat_force_next_flush()', 'select 1']

const FAULTS: readonly Fault[] = [
  {
    check: 'partition-time-zone',
    level: 'warning',
    by: [
      'create table t (at timestamptz) partition by range (at)',
      `create table t_1 partition of t for values from ('2099-01-01 00:00+00') to ('2099-02-01 00:00+00')`,
      `create table t_2 partition of t for values from ('2099-02-01 05:00+00') to ('2099-03-01 05:00+00')`,
    ],
    object: 'public.t',
    instead: [
      'drop table t_2',
      `create table t_2 partition of t for values from ('2099-02-01 00:00+00') to ('2099-03-01 00:00+00')`,
    ],
  },
  {
    check: 'column-order',
    level: 'info',
    by: [
      'create table t (a boolean, b bigint, c boolean, d bigint)',
      'insert into t select true, i, false, i from generate_series(1, 100000) i',
      'analyze t',
    ],
    object: 'public.t',
    instead: [
      'drop table t',
      'create table t (b bigint, d bigint, a boolean, c boolean)',
      'insert into t select i, i, true, false from generate_series(1, 100000) i',
      'analyze t',
    ],
    thresholds: { columnOrderMb: 0.5 },
  },
  {
    check: 'parent-statistics',
    level: 'warning',
    by: [
      'create table t (n int) partition by range (n)',
      'create table t_1 partition of t for values from (0) to (10000)',
      'analyze t',
      'insert into t select i from generate_series(1, 5000) i',
      'analyze t_1',
    ],
    object: 'public.t',
    thresholds: { parentStatisticsS: 0 },
  },
  {
    check: 'table-autovacuum-off',
    level: 'error',
    by: ['create table t (id int primary key, n int) with (autovacuum_enabled = off)', ROWS, 'update t set n = n + 1'],
    object: 'public.t',
    thresholds: { deadRows: 1000, vacuumRows: 100 },
  },
  {
    check: 'dead-rows',
    level: 'warning',
    by: [
      'create table t (id int primary key, n int) with (autovacuum_vacuum_threshold = 100000000)',
      ROWS,
      'update t set n = n + 1',
    ],
    object: 'public.t',
    thresholds: { deadRows: 1000 },
  },
  {
    check: 'vacuum-starved',
    level: 'warning',
    by: [
      'create table t (id int primary key, n int) with (autovacuum_vacuum_threshold = 10)',
      ROWS,
      'update t set n = n + 1',
    ],
    object: 'public.t',
    thresholds: { vacuumRows: 100, vacuumStarvedS: 0 },
  },
  {
    check: 'sequence-exhaustion',
    level: 'error',
    by: ['create table t (id int generated always as identity primary key)', `select setval('t_id_seq', 2100000000)`],
    object: 'public.t_id_seq',
  },
  {
    check: 'sequence-exhaustion',
    level: 'warning',
    by: ['create sequence "Odd name" as smallint', `select setval('"Odd name"', 26000)`],
    object: '"Odd name"',
  },
  {
    check: 'duplicate-index',
    level: 'warning',
    by: ['create table t (id int primary key, n int)', 'create index a on t (n)', 'create index "B b" on t (n)'],
    object: '"B b"',
  },
  {
    check: 'redundant-index',
    level: 'warning',
    by: ['create table t (id int primary key, n int, m int)', 'create index a on t (n)', 'create index b on t (n, m)'],
    object: 'public.a',
  },
  {
    check: 'foreign-key-index',
    level: 'warning',
    by: [
      'create table p (id int primary key)',
      'create table "Ref" (id int primary key, "P id" int references p)',
      'insert into p select i from generate_series(1, 20) i',
      'insert into "Ref" select i, 1 + i % 20 from generate_series(1, 2000) i',
      'analyze',
    ],
    object: '"Ref"',
  },
  {
    check: 'foreign-key-type',
    level: 'info',
    by: ['create table p (id bigint primary key)', 'create table t (id int primary key references p)'],
    object: 't_id_fkey',
  },
  {
    check: 'duplicate-foreign-key',
    level: 'info',
    by: [
      'create table p (id int primary key)',
      'create table t (id int primary key references p, constraint again foreign key (id) references p)',
    ],
    object: 'on public.t',
  },
  {
    check: 'partial-index',
    level: 'info',
    by: [
      'create table t (id int primary key, status text, created_at timestamptz)',
      `create index active on t (status) where status = 'active'`,
    ],
    object: 'public.active',
    instead: ['drop index active'],
  },
  {
    check: 'partial-index',
    level: 'info',
    by: [
      'create table t (id int primary key, expires_at timestamptz)',
      'insert into t select i, now() from generate_series(1, 500) i',
      'create index expiring on t (expires_at) where expires_at is not null',
      'analyze t',
    ],
    object: 'public.expiring',
    instead: ['drop index expiring'],
  },
  {
    check: 'key-type',
    level: 'info',
    by: ['create table t (id int primary key, tags text[])', 'create index i on t (tags)'],
    object: 'public.i',
    instead: ['drop index i'],
  },
  {
    check: 'key-order',
    level: 'info',
    by: [
      'create table t (id int primary key, kind int, "At" timestamptz, n int)',
      `insert into t select i, i % 3, now() - i * interval '1 s', i from generate_series(1, 10000) i`,
      'create index "by kind" on t (kind, n)',
      'analyze t',
    ],
    object: '"by kind"',
    instead: ['drop index "by kind"', 'create index by_n on t (n, kind)', 'analyze t'],
  },
  {
    check: 'key-order',
    level: 'info',
    by: [
      'create table t (id int primary key, n int, "At" timestamptz, m int)',
      `insert into t select i, i, now() - i * interval '1 s', i from generate_series(1, 10000) i`,
      'create index by_time on t (n, "At", m)',
      'analyze t',
    ],
    object: 'public.by_time',
    // A keyset page ends with the key.
    instead: ['drop index by_time', 'create index by_page on t (n, "At", id)', 'analyze t'],
  },
  {
    check: 'key-order',
    level: 'info',
    by: [
      'create table t (id int primary key, tenant text, other int, n int)',
      `insert into t select i, 'a', i % 4, i from generate_series(1, 10000) i`,
      'create index by_tenant on t (tenant, n)',
      'create index by_other on t (other, n)',
      'alter table t enable row level security',
      `create policy own on t using (tenant = current_setting('app.tenant', true))`,
      'analyze t',
    ],
    // The policy compares the tenant: its index is right.
    object: 'public.by_other',
    instead: ['drop index by_other'],
  },
  {
    check: 'primary-key',
    level: 'error',
    by: ['create table t (id int)', 'create publication p for table t'],
    object: 'public.t',
    instead: ['alter table t add primary key (id)'],
  },
  {
    check: 'default-partition-rows',
    level: 'error',
    by: [
      'create table t (at date, n int) partition by range (at)',
      `create table t_2020 partition of t for values from ('2020-01-01') to ('2021-01-01')`,
      'create table t_rest partition of t default',
      `insert into t values ('2031-05-05', 1)`,
    ],
    object: 'public.t_rest',
    instead: ['delete from t_rest'],
    besides: ['next-partition'],
  },
  {
    check: 'next-partition',
    level: 'error',
    by: [
      'create table t (at timestamptz, n int) partition by range (at)',
      `do $$ begin execute format('create table t_old partition of t for values from (%L) to (%L)', now() - interval '32 days', now() - interval '2 days'); end $$`,
    ],
    object: 'public.t',
    instead: [
      `do $$ begin execute format('create table t_next partition of t for values from (%L) to (%L)', now() - interval '2 days', now() + interval '20 days'); end $$`,
      `do $$ begin execute format('create table t_later partition of t for values from (%L) to (%L)', now() + interval '20 days', now() + interval '50 days'); end $$`,
    ],
  },
  {
    check: 'next-partition',
    level: 'warning',
    by: [
      'create table t (at date, n int) partition by range (at)',
      `do $$ begin execute format('create table t_now partition of t for values from (%L) to (%L)', current_date - 28, current_date + 2); end $$`,
    ],
    object: 'public.t',
    instead: ['drop table t'],
  },
  {
    check: 'partition-gap',
    level: 'info',
    by: [
      'create table t (n int) partition by range (n)',
      'create table t_1 partition of t for values from (1) to (10)',
      'create table t_2 partition of t for values from (20) to (100)',
      'create table t_3 partition of t for values from (100) to (200)',
    ],
    object: 'from 10',
    instead: ['create table t_gap partition of t for values from (10) to (20)'],
  },
  {
    check: 'partition-index',
    level: 'warning',
    by: [
      'create table t (n int) partition by range (n)',
      'create table t_1 partition of t for values from (1) to (10)',
      'create index i on only t (n)',
    ],
    object: 'public.i',
    instead: ['create index i_1 on t_1 (n)', 'alter index i attach partition i_1'],
  },
  {
    check: 'parent-statistics',
    level: 'warning',
    by: [
      'create table t (n int) partition by range (n)',
      'create table t_1 partition of t for values from (0) to (10000)',
      'insert into t select i from generate_series(1, 5000) i',
      'analyze t_1',
    ],
    object: 'public.t',
  },
  {
    check: 'stale-statistics',
    level: 'warning',
    by: [
      'create table t (id int primary key, n int) with (autovacuum_enabled = off)',
      ROWS,
      'analyze t',
      'update t set n = n + 1',
    ],
    object: 'public.t',
    thresholds: { modifiedRows: 1000, statisticsGraceS: 0 },
  },
  {
    check: 'rls-disabled',
    level: 'error',
    by: ['create table t (id int primary key)', 'create policy p on t using (id = 1)'],
    object: 'public.t',
  },
  {
    check: 'rls-without-policy',
    level: 'info',
    by: ['create table t (id int primary key)', 'alter table t enable row level security'],
    object: 'public.t',
    instead: ['create policy p on t using (id = 1)'],
  },
  {
    check: 'rls-per-row',
    level: 'warning',
    by: [
      'create table t (id int primary key, tenant text)',
      'alter table t enable row level security, force row level security',
      `create policy p on t using (tenant = current_setting('app.tenant', true))`,
    ],
    object: 'policy p',
    instead: [`alter policy p on t using (tenant = (select current_setting('app.tenant', true)))`],
  },
  {
    check: 'rls-missing-setting',
    level: 'warning',
    by: [
      'create table t (tenant text primary key)',
      'alter table t enable row level security, force row level security',
      `create policy p on t using (current_setting('app.tenant', true) is null or tenant = current_setting('app.tenant', true))`,
    ],
    object: 'policy p',
    instead: [`alter policy p on t using (tenant = (select nullif(current_setting('app.tenant', true), '')))`],
  },
  {
    check: 'rls-index',
    level: 'warning',
    by: [
      'create table t (id int primary key, tenant text)',
      `insert into t select i, 't' || i % 10 from generate_series(1, 12000) i`,
      'alter table t enable row level security, force row level security',
      `create policy p on t using (tenant = (select current_setting('app.tenant', true)))`,
      'analyze t',
    ],
    object: 'public.t',
  },
  {
    check: 'rls-partition-gap',
    level: 'error',
    by: [
      'create table t (tenant text, n int) partition by list (n)',
      'create table t_1 partition of t for values in (1)',
      'alter table t enable row level security, force row level security',
      `create policy p on t using (tenant = (select current_setting('app.tenant', true)))`,
      'grant select on t_1 to app',
    ],
    object: 'public.t_1',
  },
  {
    check: 'rls-view',
    level: 'error',
    by: [
      'create table t (tenant text primary key)',
      'alter table t enable row level security, force row level security',
      `create policy p on t using (tenant = (select current_setting('app.tenant', true)))`,
      'create view v as select * from t',
      'grant select on v to app',
    ],
    object: 'public.v',
  },
  {
    check: 'permissive-policy',
    level: 'warning',
    by: [
      'create table t (tenant text primary key)',
      'alter table t enable row level security, force row level security',
      'create policy p on t for update using (true)',
    ],
    object: 'policy p',
    instead: ['drop policy p on t', `create policy q on t using (tenant = '')`],
  },
  {
    check: 'rls-index-unusable',
    level: 'info',
    by: [
      'create table t (tenant text primary key, words tsvector)',
      'alter table t enable row level security, force row level security',
      `create policy p on t using (tenant = (select current_setting('app.tenant', true)))`,
      'create index w on t using gin (words)',
    ],
    object: 'public.w',
    instead: ['drop index w'],
  },
  {
    check: 'definer-search-path',
    level: 'error',
    by: [`create function f() returns int language plpgsql security definer as 'begin return 1; end'`],
    object: 'public.f()',
  },
  { check: 'public-create', level: 'warning', by: ['grant create on schema public to public'], object: 'public' },
  {
    check: 'public-write',
    level: 'warning',
    by: ['create table t (id int primary key)', 'grant insert on t to public'],
    object: 'public.t',
  },
  {
    check: 'disabled-trigger',
    level: 'error',
    by: [
      'create table p (id int primary key)',
      'create table t (id int primary key references p)',
      'alter table t disable trigger all',
    ],
    object: 'public.t',
  },
  {
    check: 'constraint-not-valid',
    level: 'info',
    by: ['create table t (id int primary key)', 'alter table t add constraint positive check (id > 0) not valid'],
    object: 'positive',
  },
  { check: 'unlogged-table', level: 'info', by: ['create unlogged table t (id int primary key)'], object: 'public.t' },
  {
    check: 'materialized-view',
    level: 'warning',
    by: ['create materialized view v as select 1 as id with no data', 'create unique index on v (id)'],
    object: 'public.v',
  },
  {
    check: 'extension-version',
    level: 'info',
    by: [`create extension pg_trgm version '1.5'`],
    object: 'pg_trgm',
  },
  {
    check: 'hot-updates',
    level: 'warning',
    by: [
      'create table t (id int primary key, n int) with (autovacuum_enabled = off)',
      'create index n on t (n)',
      ROWS,
      'update t set n = n + 1',
    ],
    object: 'public.t',
    thresholds: { hotUpdates: 1000 },
    instead: ['drop index n', 'select pg_stat_reset()'],
  },
  {
    check: 'hot-update-index',
    level: 'warning',
    by: [
      'create extension pg_stat_statements',
      'create table t (id int primary key, n int, m int) with (autovacuum_enabled = off)',
      'create index "on n" on t (m) include (n)',
      'create index "on m" on t (m, id)',
      'insert into t select i, i, i from generate_series(1, 2000) i',
      'update t set n = t.n + 1 where id > 0',
    ],
    object: '"on n"',
    thresholds: { hotUpdates: 1000 },
    instead: ['drop index "on n"'],
  },
  {
    check: 'session-set',
    level: 'info',
    by: ['create extension pg_stat_statements', `set app.tenant = 'acme'`],
    object: 'app.tenant',
    instead: ['select pg_stat_statements_reset()'],
  },
  {
    check: 'vector-index-missing',
    level: 'info',
    by: [
      'create extension vector',
      'create table t (id int primary key, e vector(2))',
      `insert into t select i, '[1,2]' from generate_series(1, 200) i`,
      'analyze t',
    ],
    object: 'public.t.e',
    thresholds: { vectorRows: 100 },
    instead: ['create index on t using hnsw (e vector_l2_ops)'],
  },
  {
    check: 'vector-operator',
    level: 'warning',
    by: [
      'create extension vector',
      'create extension pg_stat_statements',
      'create table items (id int primary key, e vector(2))',
      'create index on items using hnsw (e vector_cosine_ops)',
      `select id from items order by e <-> '[1,2]' limit 5`,
    ],
    object: 'operator <->',
    instead: ['create index on items using hnsw (e vector_l2_ops)'],
  },
  {
    check: 'vector-filter',
    level: 'warning',
    by: [
      'create extension vector',
      'create table items (id int, tenant text, filler text, e vector(8))',
      'alter table items alter filler set storage plain',
      `insert into items select i, 't' || i % 100, repeat('x', 1500), (select array_agg(random()) from generate_series(1, 8) g where i > 0)::vector from generate_series(1, 20000) i`,
      'create index on items using hnsw (e vector_l2_ops)',
      'analyze items',
    ],
    object: 'filter tenant',
    budgetMs: 60_000,
  },
  {
    check: 'gin-pending-list',
    level: 'info',
    by: [
      'create extension pgstattuple',
      'create table t (id int, words text[]) with (autovacuum_enabled = off)',
      'create index "the words" on t using gin (words) with (gin_pending_list_limit = 4096)',
      "insert into t select i, array_fill('word' || i, array[30]) || array['b' || i, 'c' || i] from generate_series(1, 40000) i",
    ],
    object: '"the words"',
    budgetMs: 60_000,
  },
  {
    check: 'table-bloat',
    level: 'warning',
    by: [
      'create table t (id int, t text) with (autovacuum_enabled = off)',
      `insert into t select i, repeat('x', 100) from generate_series(1, 20000) i`,
      'delete from t where id % 4 > 0',
      ...FLUSH,
      'vacuum analyze t',
    ],
    object: 'public.t',
    thresholds: { bloatMb: 1 },
    instead: ['vacuum full analyze t'],
  },
  {
    check: 'table-bloat-measured',
    level: 'warning',
    by: [
      'create extension pgstattuple',
      'create table t (id int, t text) with (autovacuum_enabled = off)',
      `insert into t select i, repeat('x', 100) from generate_series(1, 20000) i`,
      'delete from t where id % 4 > 0',
      ...FLUSH,
      'vacuum analyze t',
    ],
    object: 'public.t',
    thresholds: { bloatMb: 1 },
    budgetMs: 60_000,
    instead: ['vacuum full t'],
  },
  {
    check: 'index-bloat-measured',
    level: 'warning',
    by: [
      'create extension pgstattuple',
      'create table t (id int) with (autovacuum_enabled = off)',
      'insert into t select i from generate_series(1, 200000) i',
      'create index i on t (id)',
      'delete from t where id % 10 > 0',
      ...FLUSH,
      'vacuum analyze t',
    ],
    object: 'public.i',
    thresholds: { indexBloatMb: 1 },
    budgetMs: 60_000,
  },
  {
    check: 'index-bloat',
    level: 'warning',
    by: [
      'create table t (id int) with (autovacuum_enabled = off)',
      'insert into t select i from generate_series(1, 200000) i',
      'create index "I i" on t (id)',
      'delete from t where id % 10 > 0',
      ...FLUSH,
      'vacuum analyze t',
    ],
    object: '"I i"',
    thresholds: { indexBloatMb: 1 },
  },
  {
    check: 'foreign-key-null',
    level: 'info',
    by: [
      'create table p (tenant int, id int, primary key (tenant, id))',
      'create table t (tenant int not null, id int primary key, parent int, constraint loose foreign key (tenant, parent) references p)',
    ],
    object: 'loose on public.t',
    instead: ['alter table t alter parent set not null'],
  },
  {
    check: 'partial-candidate',
    level: 'info',
    by: [
      'create table t (id int primary key, failed_at timestamptz)',
      'insert into t select i, case when i % 50 = 0 then now() end from generate_series(1, 100000) i',
      'create index failures on t (failed_at)',
      'analyze t',
    ],
    object: 'public.failures',
    instead: ['drop index failures', 'create index on t (failed_at) where failed_at is not null'],
  },
  {
    check: 'future-rows',
    level: 'warning',
    by: [
      'create table t (at timestamptz, n int) partition by range (at)',
      `do $$ begin execute format('create table t_now partition of t for values from (%L) to (%L)', now() - interval '9 days', now() + interval '9 days'); end $$`,
      `create table t_2999 partition of t for values from ('2999-01-01') to ('3000-01-01')`,
      `insert into t values ('2999-05-05', 1), (now(), 2)`,
    ],
    object: 'public.t',
    instead: ['update t set at = now() where n = 1', 'truncate t_2999'],
  },
  {
    check: 'inheritance-overlap',
    level: 'warning',
    by: [
      'create table t (at timestamptz not null, n int)',
      `create table t_1 (check (at >= '2020-01-01' and at < '2020-02-01')) inherits (t)`,
      `create table t_2 (check (at >= '2020-02-01' and at < '2020-03-01')) inherits (t)`,
      `create table t_3 (constraint wrong check (at >= '2020-02-20' and at < '2020-04-01')) inherits (t)`,
    ],
    object: 'public.t_2 and public.t_3',
    instead: [
      'alter table t_3 drop constraint wrong',
      `alter table t_3 add check (at >= '2020-03-01' and at < '2020-04-01')`,
    ],
  },
  {
    check: 'inheritance-overlap',
    level: 'warning',
    by: [
      'create table t (at date not null, n int)',
      `create table t_1 (check (at >= '2020-01-01' and at < '2020-02-01')) inherits (t)`,
      `create table t_2 () inherits (t)`,
    ],
    object: 'table public.t_2',
    instead: [`alter table t_2 add check (at >= '2020-02-01' and at < '2020-03-01')`],
  },
  {
    check: 'partition-settings',
    level: 'info',
    by: [
      'create table t (n int) partition by range (n)',
      'create table t_1 partition of t for values from (1) to (10) with (fillfactor = 70)',
      'create table t_2 partition of t for values from (10) to (20) with (fillfactor = 70)',
      'create table t_3 partition of t for values from (20) to (30)',
    ],
    object: 'public.t, fillfactor',
    instead: ['alter table t_3 set (fillfactor = 70)'],
  },
  {
    check: 'detached-partition',
    level: 'info',
    by: [
      'create table t (n int) partition by range (n)',
      'create table t_p1 partition of t for values from (1) to (10)',
      'create table t_p2 partition of t for values from (10) to (20)',
      'create table t_p3 (m text)',
      'alter table t detach partition t_p2',
    ],
    object: 'public.t',
    instead: ['drop table t_p2'],
  },
  {
    check: 'retention-due',
    level: 'warning',
    by: [
      'create schema platform',
      'create table platform.partitioned_tables (schema_name text, table_name text, retention interval, primary key (schema_name, table_name))',
      `insert into platform.partitioned_tables values ('public', 't', '30 days')`,
      'create table t (id uuid primary key) partition by range (id)',
      // 2024-01 and 2999-01, as times inside a UUIDv7.
      `create table t_p202401 partition of t for values from ('018cc251-f400-7000-8000-000000000000') to ('018d61f7-7c00-7000-8000-000000000000')`,
      `create table t_p299901 partition of t for values from ('1d8f4d9b-a000-7000-8000-000000000000') to ('1d8fed41-2800-7000-8000-000000000000')`,
    ],
    object: 'public.t',
    instead: ['drop table t_p202401'],
  },
  {
    check: 'multiple-policies',
    level: 'info',
    by: [
      'create table t (tenant text primary key)',
      'alter table t enable row level security, force row level security',
      `create policy a on t for select using (tenant = (select current_setting('app.tenant', true)))`,
      `create policy b on t using (tenant = (select current_setting('app.all', true)))`,
    ],
    object: 'public.t, select, public',
    instead: ['drop policy a on t'],
  },
  {
    check: 'extension-schema',
    level: 'info',
    by: ['create extension pg_trgm', 'grant create on schema public to public'],
    object: 'pg_trgm',
  },
  {
    check: 'upgrade-type',
    level: 'info',
    by: ['create table t (id int primary key, handler regprocedure, kind regclass)'],
    object: 'public.t.handler',
    instead: ['alter table t alter handler type text'],
  },
  {
    check: 'missing-index',
    level: 'info',
    by: [
      'create extension hypopg',
      'create extension pg_stat_statements',
      'create table "Orders" (id int primary key, "Customer" int, at timestamptz, note text)',
      `insert into "Orders" select i, i % 5000, now() - i * interval '1 minute', 'x' from generate_series(1, 20000) i`,
      'analyze "Orders"',
      // The rows that were inserted are no workload.
      ...FLUSH,
      'select pg_stat_reset()',
      'select pg_stat_statements_reset()',
      ...Array.from(
        { length: 3 },
        () => 'select * from "Orders" where "Customer" = 7 and id > 3 order by at desc limit 5',
      ),
    ],
    object: '"Orders" ("Customer", at)',
    thresholds: { statementCalls: 2 },
    budgetMs: 60_000,
  },
  {
    check: 'needless-index',
    level: 'info',
    by: [
      'create extension hypopg',
      'create extension pg_stat_statements',
      'create table t (id int primary key, a int, b int)',
      'insert into t select i, i, i % 7 from generate_series(1, 100000) i',
      'create index "long" on t (a, b)',
      'create index short on t (a)',
      'create index needed on t (b)',
      'analyze t',
      'select pg_stat_statements_reset()',
      'select * from t where a = 5',
      'select * from t where a = 5 and b = 6',
      'select count(*) from t where b = 5',
    ],
    object: 'public.long',
    budgetMs: 60_000,
  },
  {
    check: 'vector-drift',
    level: 'warning',
    by: [
      'create extension vector',
      'create table items (id int, filler text, e vector(8))',
      'alter table items alter filler set storage plain',
      // Fifty narrow clusters, which fifty lists hold apart; then noise, which they do not.
      `insert into items select i, repeat('x', 300), (select array_agg((hashint4(i % 50 * 8 + g) & 1023) / 100.0 + random() * 0.01) from generate_series(1, 8) g)::vector from generate_series(1, 10000) i`,
      'create index old on items using ivfflat (e vector_l2_ops) with (lists = 50)',
      `insert into items select i, repeat('x', 300), (select array_agg(random() * 10) from generate_series(1, 8) g where i > 0)::vector from generate_series(1, 10000) i`,
      'vacuum analyze items',
    ],
    object: 'public.old',
    budgetMs: 60_000,
    instead: ['drop index old', 'create index on items using hnsw (e vector_l2_ops)'],
  },
  {
    check: 'vector-sweep',
    level: 'info',
    by: [
      'create extension vector',
      'create table items (id int, e vector(8))',
      `insert into items select i, (select array_agg(random()) from generate_series(1, 8) g where i > 0)::vector from generate_series(1, 20000) i`,
      'create index coarse on items using ivfflat (e vector_l2_ops) with (lists = 64)',
      'analyze items',
    ],
    object: 'public.coarse',
    budgetMs: 60_000,
    instead: ['alter database {database} set ivfflat.probes = 64'],
  },
  {
    check: 'vector-group-recall',
    level: 'warning',
    by: [
      'create extension vector',
      'create table items (id int, tenant text, filler text, e vector(8))',
      'alter table items alter filler set storage plain',
      'alter table items enable row level security, force row level security',
      `create policy p on items using (tenant = (select current_setting('app.tenant', true)))`,
      `insert into items select i, 't' || i % 100, repeat('x', 1500), (select array_agg(random()) from generate_series(1, 8) g where i > 0)::vector from generate_series(1, 20000) i`,
      'create index near on items using hnsw (e vector_l2_ops)',
      'analyze items',
    ],
    object: 'public.near, by tenant',
    budgetMs: 60_000,
    instead: [`alter database {database} set hnsw.iterative_scan = strict_order`],
  },
  {
    check: 'vector-build-memory',
    level: 'info',
    by: [
      'create extension vector',
      'create table items (id int primary key, e vector(8))',
      `insert into items select i, (select array_agg(random()) from generate_series(1, 8) g where i > 0)::vector from generate_series(1, 5000) i`,
      'create index near on items using hnsw (e vector_l2_ops)',
      `alter database {database} set maintenance_work_mem = '1MB'`,
    ],
    object: 'public.near',
    instead: [`alter database {database} reset maintenance_work_mem`],
  },
]

const DIRECT = await onScratchServers()
let server: ScratchServer

async function fresh(name: string): Promise<pg.Client> {
  server ??= await startServer(17, {
    // Each fault has a database, and in each the doctor asks all it asks: none of that may push out what a fault is seen by.
    settings: {
      shared_preload_libraries: 'pg_stat_statements',
      'pg_stat_statements.max': '50000',
      wal_level: 'logical',
    },
  })
  const admin = await server.client()
  await admin.query(
    `do $$ begin if not exists (select from pg_roles where rolname = 'app') then create role app nologin; end if; end $$`,
  )
  await admin.query(`create database ${name}`)
  await admin.end()
  const client = await server.client(name)
  onTestFinished(() => client.end())
  return client
}

DIRECT.describe('a fault', () => {
  describe.each(FAULTS.map((fault, index) => ({ ...fault, name: `fault_${index}` })))(
    '$check: $object',
    ({ check, level, by, object, instead, besides = [], thresholds = {}, budgetMs = 0, name }) => {
      test('is seen, is the only error, and is cured by its remedy', async () => {
        const client = await fresh(name)
        for (const statement of by) await client.query(statement.replaceAll('{database}', name))
        await flushStatistics(client)
        const url = server.urlOf({ database: name })
        const sick = await diagnose(url, { thresholds, budgetMs })
        const findings = findingsOf(sick, check)
        expect(findings.map((finding) => ({ level: finding.level, object: finding.object }))).toEqual([
          { level, object: expect.stringContaining(object) },
        ])
        expect(errorsOf(sick).filter((id) => id !== check && !besides.includes(id))).toEqual([])
        if (instead === undefined) await cure(client, findings)
        else for (const statement of instead) await client.query(statement.replaceAll('{database}', name))
        await flushStatistics(client)
        expect(findingsOf(await diagnose(url, { thresholds, budgetMs }), check)).toEqual([])
      })
    },
  )
})
