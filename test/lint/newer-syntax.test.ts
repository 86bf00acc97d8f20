// What the rule newer-syntax says of each major is what the server of that major says.
import { expect, test } from 'vitest'
import { SYNTAX_FACTS } from '../../dist/lint/server/syntax-facts.js'
import { availableMajors, onScratchServers, startServer } from '../doctor/scratch-server.js'
import { lintText } from './lint-text.js'

const PREPARED = `create table a (id int primary key, x int, y int, at timestamptz, name text);
  create table b (id int primary key, x int);
  create table p (id int, x int) partition by range (x);
  create table d (x int, twice int generated always as (x * 2) stored);
  create table c (id int, x int constraint positive check (x > 0), constraint far foreign key (x) references b (id));
  create table n (id int not null);
  create role reader;
  create role writer;
  create function f() returns event_trigger language plpgsql as 'begin end';
  create foreign data wrapper w;
  create server s foreign data wrapper w;
  create extension btree_gist;
  create view v as select 1 as one`

/** Each with the major that brought it. The first of a line is a statement for each fact, in the order of the facts. */
const STATEMENTS: readonly (readonly [since: 16 | 17 | 18, sql: string])[] = [
  [16, "select json_object('a': 1)"],
  [16, 'select json_array(1, 2)'],
  [16, 'select json_array(select x from a)'],
  [16, 'select json_objectagg(name: x), json_arrayagg(x) from a'],
  [16, 'select name is json from a'],
  [16, 'select 0x1F'],
  [16, 'select -1_000'],
  [16, 'select 1_0.5'],
  [16, 'select x from (select x from a)'],
  [16, 'select * from (values (1))'],
  [16, 'create table one (name text storage external)'],
  [16, "copy a from '/dev/null' with (default 'x')"],
  [16, 'vacuum (skip_database_stats) a'],
  [16, 'analyze (buffer_usage_limit 256) a'],
  [16, 'explain (generic_plan) select 1'],
  [16, 'grant reader to writer with inherit true'],
  [16, 'grant reader to writer with set false'],
  [16, 'select system_user'],
  [16, 'select xmlserialize(document xmlparse(document name) as text indent) from a'],
  [16, 'create statistics on x, y from a'],
  [16, 'reindex database'],
  [16, "create subscription one connection 'dbname=none' publication q with (connect = false, origin = none)"],
  [17, 'merge into a using b on a.id = b.id when matched then do nothing returning a.id'],
  [17, 'merge into a using b on a.id = b.id when not matched by source then delete'],
  [17, "select one from json_table('[1]', '$[*]' columns (one int path '$'))"],
  [17, `select json_value('{"a": 1}', '$.a')`],
  [17, `select json_exists('{"a": 1}', '$.a'), json_query('[1]', '$')`],
  [17, 'select json_scalar(1), json_serialize(json_array(1))'],
  [17, "select json('{}' with unique keys)"],
  [17, 'select now() at local'],
  [17, "copy a from '/dev/null' with (on_error ignore)"],
  [17, "copy a from '/dev/null' with (log_verbosity verbose)"],
  [17, "copy a from '/dev/null' with (format csv, force_null *)"],
  [17, 'explain (memory) select 1'],
  [17, 'explain (analyze, serialize) select 1'],
  [17, 'grant maintain on a to reader'],
  [17, 'alter table d alter column twice set expression as (x * 3)'],
  [17, 'alter table a alter column x set statistics default'],
  [17, 'alter table a set access method default'],
  [17, 'create table r (x int, exclude using gist (x with =)) partition by range (x)'],
  [17, 'create table t (x int) partition by range (x) using heap'],
  [17, 'create event trigger hello on login execute function f()'],
  [18, 'update a set x = 1 returning old.x, new.x'],
  [18, 'update a set x = 1 returning with (old as before) before.x'],
  [18, 'create table v1 (x int, twice int generated always as (x * 2) virtual)'],
  [18, 'create table v2 (x int, twice int generated always as (x * 2))'],
  [18, 'create table w1 (id int, span tstzrange, primary key (id, span without overlaps))'],
  [18, 'alter table a add constraint small check (x < 9) not enforced'],
  [18, 'create table e (x int check (x > 0) not enforced)'],
  [18, 'create table e2 (x int references b (id) not enforced)'],
  [18, 'alter table c alter constraint far not enforced'],
  [18, 'create table m (x int, constraint there not null x)'],
  [18, 'alter table b add constraint there not null x not valid'],
  [18, 'alter table p add constraint out foreign key (x) references b (id) not valid'],
  [18, 'alter table n alter constraint n_id_not_null no inherit'],
  [18, "copy a from '/dev/null' with (on_error ignore, reject_limit 3)"],
  [18, 'vacuum only a'],
  [18, 'create foreign table far (like a) server s'],
]

/** What older majors know in another way, and what looks like the above. */
const OLD: readonly string[] = [
  "select json('1')",
  "select json_object('{a,1}')",
  'select x from (select x from a) as sub',
  'select 1000, 0.5, $1::int',
  'update a new set x = 1 returning new.x',
  'create table g (x int not null, twice int generated always as (x * 2) stored, constraint few check (x < 9))',
  'alter table a add constraint few check (x < 9) not valid',
  'alter table c add constraint twice foreign key (x) references b (id) not valid',
  'create domain few as int check (value < 9)',
  "select now() at time zone 'utc', extract(epoch from now()), overlay('abc' placing 'x' from 1)",
  'grant reader to writer with admin option',
  "copy a from '/dev/null' with (format csv, force_null (name))",
  'vacuum (analyze, process_toast false) a',
  'explain (analyze, buffers, settings, wal) select 1',
  'merge into a using b on a.id = b.id when not matched then insert (id) values (b.id)',
  'create statistics s1 on x, y from a',
  'alter table a alter column x set statistics 100',
  'create table q (id int generated always as identity, x int) partition by range (x)',
]

const versions = [15, 16, 17, 18] as const
const isNewer = async (text: string, version: (typeof versions)[number]) =>
  (await lintText({ text: `${PREPARED};\n${text}`, version })).some(
    ({ rule, line }) => rule === 'newer-syntax' && line > PREPARED.split('\n').length,
  )

test.each(STATEMENTS)('from %s on: %s', async (since, sql) => {
  const found: Record<number, boolean> = {}
  for (const version of versions) found[version] = await isNewer(sql, version)
  expect(found).toEqual({ 15: since > 15, 16: since > 16, 17: since > 17, 18: false })
})

test.each(OLD)('known to all: %s', async (sql) => {
  for (const version of versions) expect(await isNewer(sql, version), String(version)).toBe(false)
})

test('every fact has a statement', async () => {
  const said = new Set<string>()
  for (const [, sql] of STATEMENTS) {
    for (const { message, rule } of await lintText({ text: `${PREPARED};\n${sql}`, version: 15 })) {
      if (rule === 'newer-syntax') said.add(message)
    }
  }
  const silent = SYNTAX_FACTS.filter(({ what }) => ![...said].some((message) => message.startsWith(what)))
  expect(silent.map(({ what }) => what)).toEqual([])
})

const { majors } = await availableMajors()
const DIRECT = await onScratchServers()
/** What runs in no transaction. */
const ALONE = /^(vacuum|reindex database)/

DIRECT.describe('the server', () => {
  for (const major of majors) {
    test(`of PostgreSQL ${major} takes what the rule leaves, and refuses what it finds`, async () => {
      const server = await startServer(major)
      const client = await server.client()
      await client.query(PREPARED)
      const takes = async (sql: string) => {
        if (ALONE.test(sql)) {
          return await client.query(sql).then(
            () => true,
            () => false,
          )
        }
        await client.query('begin')
        try {
          await client.query(sql.replace('$1', '1'))
          return true
        } catch {
          return false
        } finally {
          await client.query('rollback')
        }
      }
      const wrong: string[] = []
      for (const [since, sql] of STATEMENTS) if ((await takes(sql)) !== since <= major) wrong.push(sql)
      for (const sql of OLD) if (!(await takes(sql))) wrong.push(sql)
      expect(wrong).toEqual([])
    })
  }
})
