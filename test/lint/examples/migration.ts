import type { Example } from '../lint-text.js'
import type { Examples } from './index.js'

const migration = (text: string): Example => ({ text, path: 'migrations/0042_change.sql' })

/** Rules on changes of a database that others use meanwhile. */
export const MIGRATION: Readonly<Record<string, Examples>> = {
  'add-column-not-null': {
    bad: ['alter table jobs add column state text not null'],
    good: [
      "alter table jobs add column state text not null default 'new'",
      'create table a (id int); alter table a add column state text not null',
    ],
  },
  'add-column-volatile-default': {
    bad: [
      'alter table jobs add column token uuid default gen_random_uuid()',
      'alter table jobs add column n bigserial',
      'alter table jobs add column c int generated always as (a + b) stored',
    ],
    good: [
      'alter table jobs add column at timestamptz default now()',
      'alter table jobs add column n int default 0',
      'create table a (id int); alter table a add column t uuid default gen_random_uuid()',
    ],
  },
  'alter-table-repeated': {
    bad: ['alter table jobs alter n type bigint using n + 1; alter table jobs alter m set not null'],
    good: [
      'alter table jobs add column n int; alter table jobs add column m int',
      'alter table jobs alter m set not null; alter table tasks alter m set not null',
      'create table a (id int); alter table a alter id set not null; alter table a alter id type bigint',
      'alter table jobs add constraint c check (n > 0) not valid; alter table jobs validate constraint c',
    ],
  },
  'attach-without-check': {
    bad: ["alter table runs attach partition runs_1 for values from ('2025-01-01') to ('2025-02-01')"],
    good: [
      "alter table runs_1 add constraint bounds check (at >= '2025-01-01' and at < '2025-02-01') not valid; alter table runs attach partition runs_1 for values from ('2025-01-01') to ('2025-02-01')",
      "create table runs_1 (at date); alter table runs attach partition runs_1 for values from ('2025-01-01') to ('2025-02-01')",
    ],
  },
  'attach-without-key': {
    bad: [
      "create table runs (id int, at date, primary key (id, at)) partition by range (at); create table runs_1 (id int, at date); insert into runs_1 values (1, '2025-01-02'); alter table runs attach partition runs_1 for values from ('2025-01-01') to ('2025-02-01')",
    ],
    good: [
      "create table runs (id int, at date, primary key (id, at)) partition by range (at); create table runs_1 (id int, at date); alter table runs attach partition runs_1 for values from ('2025-01-01') to ('2025-02-01')",
      "create table runs (id int, at date, primary key (id, at)) partition by range (at); create table runs_1 (id int, at date, primary key (id, at)); insert into runs_1 values (1, '2025-01-02'); alter table runs attach partition runs_1 for values from ('2025-01-01') to ('2025-02-01')",
    ],
  },
  'backfill-under-lock': {
    bad: [
      migration(
        "set local lock_timeout = '1s'; alter table jobs add column state text; update jobs set state = 'new' where state is null",
      ),
    ],
    good: [
      migration("update jobs set state = 'new' where state is null and id < 1000"),
      'alter table jobs add column state text; update jobs set state = $1 where id = $2',
    ],
  },
  'work-under-lock': {
    bad: [
      migration('alter table jobs add column state text; update runs set done = true where done is null'),
      migration(
        'alter table jobs add column state text; insert into totals select kind, count(*) from runs group by kind',
      ),
      migration('alter table jobs add column state text; create index on runs (at)'),
      migration('alter table jobs add column state text; select count(*) from runs'),
      migration('alter table jobs add column state text; refresh materialized view totals'),
      migration('alter table jobs add column state text; alter table runs add column state text'),
      migration('drop table jobs; delete from runs where at < now()'),
    ],
    good: [
      migration('update runs set done = true where done is null; alter table jobs add column state text'),
      // One row, rows that stand in the statement, and what is new.
      migration("alter table jobs add column state text; update settings set value = 'x' where name = 'y'"),
      migration("alter table jobs add column state text; insert into kinds (name) values ('a')"),
      migration(
        'create table runs (id int primary key); alter table jobs add column state text; create index on runs (id)',
      ),
      migration('create table jobs (id int primary key); alter table jobs add state text; update runs set done = true'),
      migration(
        'alter table jobs add column state text; alter table jobs add column kind text; create table t (id int)',
      ),
      // Others go on meanwhile, or the lock is given back.
      migration('alter table jobs set (fillfactor = 90); update runs set done = true'),
      migration(
        "alter table jobs add column state text; select count(*) from pg_class; select set_config('a.b', 'c', true)",
      ),
      'alter table jobs add column state text; update runs set done = true where id < $1',
      migration(
        'create function f() returns void language sql as $$ update runs set done = true $$; alter table jobs add a int',
      ),
    ],
  },
  'change-type': {
    bad: [
      'alter table jobs alter column id type bigint',
      'create table unrelated (x int); alter table jobs alter column at type timestamptz using at::timestamptz',
    ],
    good: [
      'create table a (name varchar(50)); alter table a alter column name type text',
      'alter table jobs alter column name set default 1',
    ],
  },
  'constraint-builds-index': {
    bad: [
      'alter table jobs add constraint k unique (name)',
      'alter table jobs add primary key (id)',
      'alter table jobs add column code text unique',
    ],
    good: [
      'alter table jobs add constraint k unique using index jobs_name',
      'create table a (id int); alter table a add primary key (id)',
    ],
  },
  'constraint-without-not-valid': {
    bad: [
      'alter table jobs add constraint c check (n > 0)',
      'alter table jobs add constraint f foreign key (owner) references people (id)',
    ],
    good: [
      'alter table jobs add constraint c check (n > 0) not valid',
      'alter table jobs add constraint f foreign key (owner) references people (id) not valid',
      'create table a (n int); alter table a add check (n > 0)',
    ],
  },
  'detach-without-concurrently': {
    bad: [
      'alter table runs detach partition runs_1',
      'alter table runs detach partition runs_1 concurrently; drop table runs_1',
    ],
    good: ['alter table runs detach partition runs_1 concurrently'],
  },
  'drop-cascade': {
    bad: [
      'drop schema entity cascade',
      'drop table a cascade',
      'truncate jobs cascade',
      'drop owned by app',
      'drop database app',
    ],
    good: ['drop schema entity', 'drop table a', 'drop function f() cascade'],
  },
  'drop-index-without-concurrently': {
    bad: ['drop index jobs_name', 'drop index if exists a, b'],
    good: ['drop index concurrently jobs_name', 'create index i on a (x); drop index i'],
  },
  'drop-not-null': {
    bad: ['alter table jobs alter column name drop not null'],
    good: ['create table a (x int not null); alter table a alter x drop not null'],
  },
  'drop-table': {
    bad: ['drop table jobs', 'alter table jobs drop column name'],
    good: ['create table a (x int); drop table a', { text: 'drop table jobs', path: 'migrations/0042_jobs.down.sql' }],
  },
  'enum-value-used': {
    bad: [migration("alter type status add value 'held'; update jobs set status = 'held' where id = 1")],
    good: [
      migration("alter type status add value 'held'"),
      migration("create type status as enum ('a'); alter type status add value 'held'; select 'held'::status"),
    ],
  },
  'index-without-concurrently': {
    bad: ['create index i on jobs (name)', 'create unique index i on jobs (name)'],
    good: ['create index concurrently i on jobs (name)', 'create table a (x int); create index i on a (x)'],
  },
  'lock-timeout-missing': {
    bad: [migration('alter table jobs add column n int'), migration('drop table jobs')],
    good: [
      migration("set local lock_timeout = '3s'; alter table jobs add column n int"),
      migration('create table a (x int); alter table a add column n int'),
      'alter table jobs add column n int',
    ],
  },
  'not-in-transaction': {
    bad: [
      'do $$ begin analyze; vacuum (analyze, verbose); end $$',
      'create function f() returns void language plpgsql as $$ begin create index concurrently i on a (x); end $$',
      "create function f() returns void language plpgsql as $$ begin execute 'vacuum jobs'; end $$",
      migration('create index concurrently i on jobs (name)'),
      'begin; reindex index concurrently i; commit',
    ],
    good: [
      'vacuum (analyze) jobs',
      migration('-- no-transaction\ncreate index concurrently i on jobs (name)'),
      'do $$ begin analyze jobs; end $$',
    ],
  },
  'refresh-without-concurrently': {
    bad: ['refresh materialized view totals'],
    good: ['refresh materialized view concurrently totals'],
  },
  'primary-key-nullable': {
    // The table is there before the file, as other files make it.
    bad: [
      'alter table old add constraint k primary key using index old_id; create table old (id int); create unique index old_id on old (id)',
    ],
    good: ['alter table jobs add constraint k primary key using index jobs_id'],
  },
  'reindex-without-concurrently': {
    bad: ['reindex index i', 'reindex table jobs'],
    good: ['reindex index concurrently i'],
  },
  rename: {
    bad: ['alter table jobs rename to tasks', 'alter table jobs rename column name to title'],
    good: ['alter index a rename to b', 'create table a (x int); alter table a rename to b'],
  },
  'rewrite-table': {
    bad: [
      'vacuum full jobs',
      'cluster jobs using i',
      'alter table jobs set unlogged',
      'alter table jobs set tablespace fast',
    ],
    good: ['vacuum jobs', 'alter table jobs set (fillfactor = 80)'],
  },
  'set-not-null': {
    bad: ['alter table jobs alter column name set not null'],
    good: [
      'alter table jobs add constraint name_set check (name is not null) not valid; alter table jobs validate constraint name_set; alter table jobs alter column name set not null',
      'create table a (x int); alter table a alter column x set not null',
    ],
  },
  'transaction-nesting': {
    bad: [
      'begin; update a set x = 1 where id = 1',
      'begin; begin; update a set x = 1 where id = 1; commit',
      migration('begin; select 1; commit'),
    ],
    good: [
      'begin; update a set x = 1 where id = 1; commit; begin; select 1; rollback',
      'begin; savepoint s; update a set x = 1 where id = 1; rollback to savepoint s; commit',
      { text: '-- no-transaction\nbegin; select 1; commit', path: 'migrations/0042_change.sql' },
    ],
  },
  truncate: { bad: ['truncate jobs'], good: ['create table a (x int); truncate a'] },
  'validate-in-same-transaction': {
    bad: [
      migration(
        "set local lock_timeout = '1s'; alter table jobs add constraint c check (n > 0) not valid; alter table jobs validate constraint c",
      ),
    ],
    good: [
      migration('alter table jobs validate constraint c'),
      'alter table jobs add constraint c check (n > 0) not valid; alter table jobs validate constraint c',
    ],
  },
}
