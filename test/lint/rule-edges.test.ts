// Rules at their edges: what they say, where, how often, and what is just not theirs.
import { describe, expect, test } from 'vitest'
import { type Example, lintText } from './lint-text.js'

/** The messages of a rule, with the text that each points at. */
async function told(rule: string, example: string | Example): Promise<string[]> {
  const found = await lintText(example)
  expect(found.filter(({ rule: id }) => id === 'syntax')).toEqual([])
  return found
    .filter(({ rule: id }) => id === rule)
    .map(({ message, column, excerpt }) => `${excerpt.slice(column - 1, column + 5).trim()}: ${message}`)
}

const migration = (text: string) => ({ text, path: 'migrations/0042_change.sql' })

describe.each([
  ['enum-type', "alter type status add value 'late'", []],
  ['enum-type', "create domain status as text check (value in ('open'))", []],
  [
    'foreign-key-without-index',
    'create table b (a int references a); create index on b (a) where a > 0',
    ['refere: no index of b begins with a'],
  ],
  [
    'foreign-key-without-index',
    'create table b (a int references a); create index on b (c, a)',
    ['refere: no index of b begins with a'],
  ],
  ['foreign-key-without-index', 'create table b (c int, a int unique references a)', []],
  [
    'foreign-key-without-index',
    'create table b (a int, c int, foreign key (a, c) references d); create index on b (c, a, e)',
    [],
  ],
  [
    'foreign-key-without-index',
    'create table b (a int, c int, foreign key (a, c) references d); create index on b (a)',
    ['foreig: no index of b begins with a, c'],
  ],
  ['identifier-too-long', `create table ${'a'.repeat(63)} (id bigint)`, []],
  [
    'identifier-too-long',
    `create table ${'a'.repeat(64)} (id bigint)`,
    [`aaaaaa: ${'a'.repeat(64)} has 64 bytes and is cut off`],
  ],
  [
    'identifier-too-long',
    `select 1 as "${'a""'.repeat(31)}bb"`,
    [`"a""a": ${'a"'.repeat(31)}bb has 64 bytes and is cut off`],
  ],
  ['identifier-too-long', `select $$${'a'.repeat(70)}$$, E'\\'${'a'.repeat(70)}' -- ${'a'.repeat(70)}`, []],
  ['alter-table-repeated', 'alter table s.jobs alter m set not null; alter table t.jobs alter m set not null', []],
  ['identifier-too-long', `select 1 as "it's", '${'a'.repeat(70)}'`, []],
  [
    'alter-table-repeated',
    'alter table jobs alter m set not null; select 1; alter table jobs alter n set not null',
    [],
  ],
  ['alter-table-repeated', 'alter table jobs alter m set not null, alter n set not null', []],
  [
    'alter-table-repeated',
    'alter table jobs add check (n > 0); alter table jobs alter n type bigint',
    ['jobs a: jobs is gone through by the statement before too'],
  ],
  [
    'attach-without-key',
    'create table p (id int not null, unique (id)) partition by range (id); create table c (id int); insert into c values (1); alter table p attach partition c for values from (1) to (9)',
    [
      'c for: c has no unique index on id, and it is built under the lock',
      'c for: c.id may be null, and is read from end to end under the lock',
    ],
  ],
  [
    'attach-without-key',
    'create table p (id int, unique (id)) partition by range (id); create table c (id int, unique (id)); insert into c values (1); alter table p attach partition c for values from (1) to (9)',
    [],
  ],
  ['attach-without-key', 'alter table p attach partition c for values from (1) to (9)', []],
  [
    'primary-key-nullable',
    'alter table t add constraint k primary key using index i; create table t (id int not null); create unique index i on t (id)',
    [],
  ],
  [
    'primary-key-nullable',
    'create table t (id int); create unique index i on t (id); alter table t add constraint k primary key using index i',
    [],
  ],
  [
    'primary-key-nullable',
    'alter table t add constraint k unique using index i; create table t (id int); create unique index i on t (id)',
    [],
  ],
  ['transaction-nesting', 'start transaction; select 1; end', []],
  ['transaction-nesting', "begin; select 1; prepare transaction 'x'", []],
  ['transaction-nesting', 'select 1; commit', []],
  ['transaction-nesting', 'begin; select 1; abort; begin; select 2', ['begin;: nothing ends this transaction']],
  [
    'transaction-nesting',
    'begin; savepoint s; begin; commit',
    ['begin;: a transaction is open already: this begins none'],
  ],
  ['transaction-nesting', 'do $$ begin perform 1; end $$', []],
  [
    'work-under-lock',
    migration('alter table a add x int; update b set y = 1; delete from c'),
    [
      'b set: a stays locked while rows of b are read or written',
      'c: a stays locked while rows of c are read or written',
    ],
  ],
  [
    'work-under-lock',
    migration('alter table a add x int; alter table b add x int; alter table b add y int; alter table c add x int'),
    ['alter: a stays locked while this waits for b', 'alter: a stays locked while this waits for c'],
  ],
  [
    'work-under-lock',
    migration('alter table a add x int; create table n as select * from b'),
    ['b: a stays locked while rows of b are read or written'],
  ],
  ['work-under-lock', migration('alter table a add x int; update b set y = 1 where id = 7 and kind = 2'), []],
  [
    'work-under-lock',
    migration('alter table a add x int; update b set y = 1 where kind > 2'),
    ['b set: a stays locked while rows of b are read or written'],
  ],
  ['work-under-lock', migration('alter table a add x int; create index concurrently on b (y)'), []],
  ['work-under-lock', { text: 'drop table a; drop table b', path: 'migrations/0042_change.down.sql' }, []],
] as const)('%s, %j', (rule, example, messages) => {
  test(messages.length === 0 ? 'is silent' : 'tells it where it is', async () => {
    expect(await told(rule, example)).toEqual(messages)
  })
})
