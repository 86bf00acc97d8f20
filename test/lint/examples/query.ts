import type { Examples } from './index.js'

const RUNS = 'create table runs (id uuid, at timestamptz, primary key (at, id)) partition by range (at);'
const DOCS =
  'create table docs (id int primary key, data jsonb, email text, at timestamptz); create index d on docs using gin (data jsonb_path_ops); create index e on docs (email); create index a on docs (at);'

/** Rules on what is read. */
export const QUERY: Readonly<Record<string, Examples>> = {
  'count-to-exist': {
    bad: [
      'select 1 where (select count(*) from jobs) > 0',
      'select * from a where (select count(*) from b where b.a = a.id) = 0',
    ],
    good: [
      'select 1 where (select count(*) from jobs) > 10',
      'select 1 where exists (select from jobs)',
      'select count(*) from jobs',
    ],
  },
  'distinct-over-join': {
    bad: ['select distinct a.id, a.name from a join b on b.a = a.id'],
    good: ['select distinct a.id, b.kind from a join b on b.a = a.id', 'select distinct name from a'],
  },
  'extract-field': {
    bad: [
      'select extract(milliseconds from (clock_timestamp() - started)) from runs',
      'select extract(minute from b - a) from t',
    ],
    good: [
      'select extract(epoch from (clock_timestamp() - started)) * 1000 from runs',
      'select extract(minute from at) from t',
    ],
  },
  'jsonb-operator-data': {
    bad: [`select id from docs where data @> '{"coverage": {"$lt": 80}}'`],
    good: [
      `select id from docs where data @@ '$.coverage < 80'`,
      `select id from docs where data @> '{"price": "$10"}'`,
    ],
  },
  'jsonb-unindexed': {
    bad: [
      `${DOCS} select id from docs where data ? 'key'`,
      `${DOCS} select id from docs where data ->> 'kind' = 'a'`,
      "create table a (id int primary key, data jsonb); select id from a where data @> '{}'",
    ],
    good: [
      `${DOCS} select id from docs where data @> '{"kind": "a"}'`,
      `${DOCS} select id from docs where id = 1 and data ? 'key'`,
      "select id from unknown where data ? 'key'",
    ],
  },
  'keyset-tie': {
    bad: [
      'select id from events where created_at < $1 order by created_at desc limit 100',
      'create table e (id int primary key, at timestamptz); select id from e where at > $1 order by at limit 10',
    ],
    good: [
      'select id from events where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 100',
      'create table e (id int primary key, at timestamptz); select id from e where id > $1 order by id limit 10',
      'select id from events where created_at >= $1 and created_at < $2 order by created_at',
    ],
  },
  'not-in-subquery': {
    bad: ['select id from a where id not in (select a from b)', 'select id from a where id <> all (select a from b)'],
    good: [
      'select id from a where not exists (select from b where b.a = a.id)',
      'select id from a where id not in (1, 2)',
      'select id from a where id not in (select unnest from unnest($1::int[]))',
    ],
  },
  'offset-pagination': {
    bad: [
      'select id from events order by id limit 10 offset 100',
      'select id from events order by id limit $1 offset $2',
    ],
    good: [
      'select id from events order by id limit 10 offset 0',
      'select id from events where id > $1 order by id limit 10',
    ],
  },
  'or-conditions': {
    bad: [
      'select a.id from a join b on b.a = a.id where a.name = $1 or b.name = $1',
      { text: 'select id from a where x = $1 or x = $2 or x = $3', version: 17 },
    ],
    good: [
      { text: 'select id from a where x = $1 or x = $2 or x = $3', version: 18 },
      'select id from a where x = any ($1)',
      'select id from a where x = $1 or y = $2',
    ],
  },
  'order-by-random': {
    bad: ['select id from a order by random() limit 1'],
    good: [
      'select id from a tablesample bernoulli (1) limit 1',
      'select x from unnest($1::int[]) x order by random() limit 1',
    ],
  },
  'partition-key-missing': {
    bad: [`${RUNS} select id from runs where id = $1`],
    good: [
      `${RUNS} select id from runs where id = $1 and at > $2`,
      'create table a (id int); select id from a where id = $1',
    ],
  },
  'relation-name-joined': {
    bad: [
      "select pg_total_relation_size(schemaname || '.' || tablename) from pg_tables",
      "select pg_relation_size(('public.' || relname)::regclass) from pg_stat_user_tables",
    ],
    good: [
      'select pg_total_relation_size(relid) from pg_stat_user_tables',
      "select pg_total_relation_size(format('%I.%I', schemaname, tablename)) from pg_tables",
    ],
  },
  'select-star': {
    bad: [
      'select * from docs',
      'select d.* from docs d join b on b.d = d.id',
      `${DOCS} select * from docs where id = $1`,
    ],
    good: [
      'select id from docs where exists (select * from b where b.d = docs.id)',
      'select * from find_docs($1)',
      'select count(*) from docs',
      'select x.id from (select * from docs) x',
      'select * from pg_stat_activity',
    ],
  },
  'tenant-predicate': {
    bad: ['create table a (tenant_id text, id int, primary key (tenant_id, id)); select id from a where id = $1'],
    good: [
      'create table a (tenant_id text, id int, primary key (tenant_id, id)); select id from a where tenant_id = $1',
      'create table a (tenant_id text, id int, primary key (tenant_id, id)); alter table a enable row level security, force row level security; select id from a where id = $1',
    ],
  },
  'unindexable-condition': {
    bad: [
      "select id from patterns where similarity(name, 'api') > 0.3",
      "select id from docs where name like '%x'",
      `${DOCS} select id from docs where lower(email) = $1`,
      `${DOCS} select id from docs where at::date = $1`,
    ],
    good: [
      "select id from patterns where name % 'api' order by similarity(name, 'api') desc",
      "select id from docs where name like 'x%'",
      `${DOCS} create index l on docs (lower(email)); select id from docs where lower(email) = $1`,
      `${DOCS} select id from docs where at >= $1 and at < $2`,
    ],
  },
  'union-distinct': {
    bad: ['select a from x union select a from y'],
    good: ['select a from x union all select a from y'],
  },
}
