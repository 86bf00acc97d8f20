import type { Examples } from './index.js'

const PARTITIONED = 'create table runs (id uuid, at timestamptz not null) partition by range (at);'
const JOBS =
  'create table jobs (id int primary key, status text, name text not null, title text, expires_at timestamptz not null, born timestamptz default now());'

/** Rules on tables, indexes, functions, policies and roles. */
export const DEFINITION: Readonly<Record<string, Examples>> = {
  'autovacuum-disabled': {
    bad: [
      'alter table jobs set (autovacuum_enabled = false)',
      'create table a (id int) with (autovacuum_enabled = off)',
    ],
    good: ['alter table jobs set (autovacuum_enabled = true, autovacuum_vacuum_scale_factor = 0.02)'],
  },
  'column-type': {
    bad: ['create table a (code char(3), at timestamp)', 'create table a (data json)', 'create table a (price money)'],
    good: ['create table a (code text, at timestamptz, data jsonb, flag "char")'],
  },
  'constant-index-key': {
    bad: [
      "create index open on jobs (status) where status = 'open'",
      "create index o on jobs (kind, status) where status = 'open' and kind = 'a'",
    ],
    good: [
      "create index open on jobs (born) where status = 'open'",
      "create index open on jobs (status) where status in ('open', 'held')",
    ],
  },
  'duplicate-name': {
    bad: ['create index i on a (x); create index i on b (x)', 'create table a (x int); create table a (y int)'],
    good: [
      'create index i on a (x); drop index i; create index i on a (y)',
      'create index i on a (x); create index j on a (x)',
    ],
  },
  'enum-type': {
    bad: ["create type status as enum ('open', 'done')"],
    good: ["create table a (status text not null check (status in ('open', 'done')))"],
  },
  'foreign-key-without-index': {
    bad: [
      'create table a (id int primary key); create table b (id int primary key, a int references a)',
      'create table b (id int primary key, a int); alter table b add constraint f foreign key (a) references a (id) not valid',
    ],
    good: [
      'create table a (id int primary key); create table b (id int primary key, a int references a); create index on b (a, id)',
      'alter table elsewhere add constraint f foreign key (a) references a (id) not valid',
      'create table b (a int, c int, primary key (c, a), foreign key (a, c) references d (a, c))',
    ],
  },
  'foreign-key-target': {
    bad: [
      `${PARTITIONED} alter table runs add primary key (at, id); create table steps (run uuid references runs (id))`,
      'create table a (id int, x int); create table b (a int, foreign key (a) references a (x))',
    ],
    good: [
      'create table a (id int primary key); create table b (a int references a (id))',
      'create table b (a int references elsewhere (x))',
    ],
  },
  'gin-on-scalar': {
    bad: ["create index i on jobs using gin ((config -> 'environment'))"],
    good: [
      "create index i on jobs ((config ->> 'environment'))",
      'create index i on jobs using gin (config jsonb_path_ops)',
    ],
  },
  'identifier-too-long': {
    bad: [
      'create table a_name_of_more_than_sixty_three_bytes_is_cut_off_by_the_server_with_a_notice (id bigint)',
      'select 1 as "ééééééééééééééééééééééééééééééééé"',
    ],
    good: [
      'create table a_name_of_sixty_three_bytes_is_the_longest_that_there_can_be__ (id bigint)',
      "select 'a_text_of_more_than_sixty_three_bytes_is_no_name_and_so_is_nothing_to_tell' /* a_text_of_more_than_sixty_three_bytes_is_no_name_and_so_is_nothing_to_tell */",
    ],
  },
  'index-breaks-hot': {
    bad: [
      'create table q (agent text, state text, action text, value float8, primary key (agent, state, action)); create index best on q (agent, state, value desc); insert into q values ($1, $2, $3, $4) on conflict (agent, state, action) do update set value = q.value + 0.1 * (excluded.value - q.value)',
    ],
    good: [
      'create table q (agent text, state text, action text, value float8, primary key (agent, state, action)); create index other on q (state, agent); update q set value = value + 1 where agent = $1',
      'create table s (id int, state text); create index i on s (id, state); update s set state = $1 where id = $2',
    ],
  },
  'index-redundant': {
    bad: [
      'create table a (x int, y int); create index long on a (x, y); create index short on a (x)',
      'create table a (x int primary key); create index i on a (x)',
    ],
    good: [
      'create table a (x int, y int); create index long on a (x, y); create index other on a (y)',
      'create table a (x int, y int); create index long on a (x, y); create unique index short on a (x)',
    ],
  },
  'integer-key': {
    bad: ['create table a (id serial primary key)', 'create table a (id int generated always as identity)'],
    good: [
      'create table a (id bigint generated always as identity primary key)',
      'create table a (id uuid primary key, n int)',
    ],
  },
  'md5-password': {
    bad: ["create role app login password 'md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", "set password_encryption = 'md5'"],
    good: ["set password_encryption = 'scram-sha-256'", 'create role app login'],
  },
  'newer-syntax': {
    bad: [
      {
        text: 'merge into jobs j using todo t on t.id = j.id when matched then do nothing returning j.id',
        version: 16,
      },
      { text: 'create table a (x int, twice int generated always as (x * 2) virtual)', version: 17 },
    ],
    good: [
      {
        text: 'merge into jobs j using todo t on t.id = j.id when matched then do nothing returning j.id',
        version: 17,
      },
      { text: 'create table a (x int, twice int generated always as (x * 2) stored)', version: 15 },
      { text: "update jobs new set name = $1 where id = $2 returning new.id, json('1')", version: 15 },
      {
        text: 'create function f() returns trigger language plpgsql as $$ begin update a set x = 1 where id = 1 returning new.x into new.y; return new; end $$',
        version: 15,
      },
    ],
  },
  'numeric-measure': {
    bad: ['create table q (q_value decimal(12,6) not null)', 'create table q (total_reward numeric(10, 4))'],
    good: ['create table q (q_value double precision)', 'create table invoices (total numeric(12, 2))'],
  },
  'parent-storage-parameters': {
    bad: [
      `${PARTITIONED} alter table runs set (autovacuum_vacuum_scale_factor = 0.05)`,
      'create table a (x int) partition by range (x) with (fillfactor = 80)',
    ],
    good: [
      `${PARTITIONED} create table runs_1 partition of runs for values from ('2025-01-01') to ('2025-02-01'); alter table runs_1 set (fillfactor = 80)`,
    ],
  },
  'policy-setting': {
    bad: [
      "create policy p on jobs using (tenant = current_setting('app.tenant'))",
      "create policy p on jobs using (tenant = current_setting('app.tenant', true))",
      "create policy p on jobs using (tenant = (select current_setting('app.tenant')))",
    ],
    good: ["create policy p on jobs using (tenant = (select nullif(current_setting('app.tenant', true), '')))"],
  },
  'row-security-not-forced': {
    bad: ['alter table jobs enable row level security'],
    good: [
      'alter table jobs enable row level security, force row level security',
      'create table a (id int); alter table a enable row level security; alter table a force row level security',
    ],
  },
  'row-security-off': {
    bad: ['alter table jobs disable row level security', 'create role report bypassrls'],
    good: ['alter table jobs force row level security', 'create role report nobypassrls'],
  },
  'security-definer-path': {
    bad: ["create function f() returns int language sql security definer as 'select 1'"],
    good: [
      "create function f(text) returns text language c strict security definer as 'MODULE_PATHNAME', 'f'",

      "create function f() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'",
      "create function f() returns int language sql as 'select 1'",
    ],
  },
  'sequence-burn': {
    bad: [
      'create table a (id bigserial primary key, name text unique); insert into a (name) values ($1) on conflict (name) do nothing',
    ],
    good: ['create table a (name text primary key); insert into a (name) values ($1) on conflict (name) do nothing'],
  },
  'table-vacuum-cost': {
    bad: [
      'alter table jobs set (autovacuum_vacuum_cost_delay = 10, autovacuum_vacuum_cost_limit = 1000)',
      'create table a (x int) with (autovacuum_vacuum_cost_limit = 2000)',
    ],
    good: ['alter table jobs set (autovacuum_vacuum_scale_factor = 0.02)'],
  },
  'text-hash': {
    bad: ['create table a (state_hash varchar(64))', 'create table a (sha256 char(64))'],
    good: ['create table a (state_hash bytea)', 'create table a (name varchar(64))'],
  },
  'text-search-null': {
    bad: [`${JOBS} create index i on jobs using gin (to_tsvector('english', title || ' ' || coalesce(status, '')))`],
    good: [
      `${JOBS} create index i on jobs using gin (to_tsvector('english', coalesce(title, '') || ' ' || coalesce(status, '')))`,
      `${JOBS} create index i on jobs using gin (to_tsvector('english', name || ' ' || coalesce(status, '')))`,
    ],
  },
  'unique-without-partition-key': {
    bad: [
      'create table runs (id uuid primary key, at timestamptz) partition by range (at)',
      `${PARTITIONED} create unique index i on runs (id)`,
      `${PARTITIONED} alter table runs add constraint k unique (id)`,
      "create table runs (id uuid primary key, at timestamptz) partition by range (date_trunc('day', at))",
    ],
    good: [
      'create table runs (id uuid, at timestamptz, primary key (at, id)) partition by range (at)',
      `${PARTITIONED} create unique index i on runs (id, at)`,
    ],
  },
  'unlogged-table': {
    bad: ['create unlogged table a (x int)'],
    good: ['create table a (x int)', 'create temp table a (x int)'],
  },
  'vacuous-index-predicate': {
    bad: [
      `${JOBS} create index i on jobs (expires_at) where expires_at is not null`,
      `${JOBS} create index i on jobs (born) where born is not null`,
    ],
    good: [`${JOBS} create index i on jobs (title) where title is not null`],
  },
  'view-security-invoker': {
    bad: [
      'create table a (x int); alter table a enable row level security, force row level security; create view v as select x from a',
    ],
    good: [
      'create table a (x int); alter table a enable row level security, force row level security; create view v with (security_invoker = true) as select x from a',
      'create table a (x int); create view v as select x from a',
    ],
  },
  'volatile-index': {
    bad: [
      "create index recent on jobs (id) where started_at > now() - interval '1 hour'",
      "create index day on jobs ((date_trunc('day', current_timestamp)))",
      'create table a (id int, age int generated always as (extract(epoch from now())::int) stored)',
      "create function fresh(t timestamptz) returns boolean language sql stable as 'select true'; create index i on jobs (id) where fresh(started_at)",
    ],
    good: [
      "create index open on jobs (started_at) where status = 'open'",
      'create index lower_name on jobs (lower(name))',
      "create function even(n int) returns boolean language sql immutable as 'select n % 2 = 0'; create index i on jobs (id) where even(n)",
    ],
  },
}
