import { expect, test } from 'vitest'
import { withDatabaseKnowledge } from '../../dist/lint/catalog/database.js'
import { lint } from '../../dist/lint/lint.js'
import type { Finding } from '../../dist/lint/rule.js'
import { Source } from '../../dist/lint/source.js'
import { openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
await sql(fleet, 'create schema traced')
await sql(fleet, 'create table traced.jobs (id int primary key, name text, state text not null default $$new$$)')
await sql(fleet, 'create table traced.parts (id int primary key, job int)')
await sql(fleet, 'insert into traced.jobs select n, n::text from generate_series(1, 1000) n')
await sql(fleet, 'insert into traced.parts select n, n from generate_series(1, 500) n')
await sql(fleet, 'create materialized view traced.names as select name from traced.jobs')
await sql(fleet, 'analyze traced.jobs, traced.parts')

/** What tracing files finds, and nothing else. */
async function trace(...texts: string[]): Promise<Finding[]> {
  const sources = texts.map((text, i) => new Source(`migrations/000${i}_change.sql`, 'sql', text))
  const { findings } = await fleet.database.lend((connection) =>
    withDatabaseKnowledge(connection, (knowledge) => lint(sources, knowledge), { trace: true }),
  )
  return findings.map(({ finding }) => finding).filter(({ rule }) => rule.startsWith('trace-'))
}
const rules = (findings: readonly Finding[]) => findings.map(({ rule, line }) => `${line} ${rule}`)

test('a table that is written anew is found, with its rows and who waits', async () => {
  const found = await trace('alter table traced.jobs\n  alter column id type bigint')
  expect(rules(found)).toEqual(['1 trace-lock', '1 trace-rewrite'])
  expect(found.find(({ rule }) => rule === 'trace-rewrite')?.message).toMatch(
    /^traced\.jobs \(about 1,000 rows\) is written anew in [\d.]+ ms, while nobody else can read or write it$/,
  )
  expect(found.find(({ rule }) => rule === 'trace-lock')?.message).toMatch(
    /^AccessExclusiveLock on traced\.jobs is held for [\d.]+ ms, to the end of the file: nobody else can read or write it$/,
  )
})

test('rows that are read under a lock are counted', async () => {
  const scan = async (text: string) =>
    (await trace(text)).filter(({ rule }) => rule === 'trace-scan').map(({ message }) => message)
  expect(await scan('alter table traced.jobs alter column name set not null')).toEqual([
    expect.stringMatching(/^1,000 rows of traced\.jobs are read in .* while nobody else can read or write it$/),
  ])
  expect(await scan('create index on traced.jobs (name)')).toEqual([
    expect.stringMatching(/^1,000 rows of traced\.jobs are read in .* while nobody else can write it$/),
  ])
  expect(await scan('alter table traced.parts add foreign key (job) references traced.jobs (id) not valid')).toEqual([])
  // A lock that an earlier statement took still holds.
  expect(
    await scan("alter table traced.parts add column note text;\nupdate traced.parts set note = '' where job > 0"),
  ).toEqual([expect.stringMatching(/^500 rows of traced\.parts are read/)])
})

test('what nobody waits for is nothing to tell', async () => {
  expect(await trace('create table traced.own (id int); insert into traced.own values (1)')).toEqual([])
  expect(await trace("insert into traced.jobs (id) values (0); update traced.jobs set name = 'x'")).toEqual([])
  expect(await trace('truncate traced.parts').then(rules)).toEqual(['1 trace-lock'])
  expect(await trace('alter table traced.parts add column n int default 0').then(rules)).toEqual(['1 trace-lock'])
})

test('a refresh of a materialised view is a rewrite', async () => {
  expect(await trace('refresh materialized view traced.names').then(rules)).toContain('1 trace-rewrite')
})

test('the next file sees what the one before made, and in the end nothing is left', async () => {
  expect(
    await trace(
      'begin; create table traced.later (id int); alter table traced.jobs drop column name cascade; commit;',
      'copy traced.later from stdin;\n1\n\\.\nalter table traced.later add column x int; drop table traced.parts',
    ).then(rules),
  ).toEqual(['1 trace-lock', '1 trace-lock', '4 trace-lock'])
  expect(
    await sql(fleet, "select to_regclass('traced.later') is null as gone, count(name)::int as names from traced.jobs"),
  ).toEqual([{ gone: true, names: 1000 }])
  expect(await sql(fleet, 'select count(*)::int as n from traced.parts')).toEqual([{ n: 500 }])
})

test('what runs outside a transaction is passed over', async () => {
  expect(
    await trace('-- no-transaction\ncreate index concurrently on traced.jobs (name); vacuum traced.jobs;'),
  ).toEqual([])
})

test('a statement that fails is an error in its place; the rest of its file is left, the next file is run', async () => {
  const found = await trace(
    "select 'é😀';\nalter table traced.jobs add column s int;\nselect nothing from traced.jobs;\ndrop table traced.jobs cascade;",
    'alter table traced.parts add column s int',
  )
  expect(rules(found)).toEqual(['2 trace-lock', '3 trace-failed', '1 trace-lock'])
  expect(found[1]).toMatchObject({ line: 3, column: 8, message: 'column "nothing" does not exist (42703)' })
})

test('it is suppressed as other findings are, and without tracing such a suppression may stand', async () => {
  const text =
    '-- pgfleet-lint ignore trace-rewrite: the table is small\nalter table traced.jobs alter column id type bigint'
  expect(await trace(text).then(rules)).toEqual(['2 trace-lock'])
  const { findings } = await lint([new Source('a.sql', 'sql', text)], { version: 18 })
  expect(findings.map(({ finding }) => finding.rule)).not.toContain('suppression-unused')
})
