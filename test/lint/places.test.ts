// biome-ignore-all lint/suspicious/noTemplateCurlyInString: programs that are linted, as texts
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applyFixes } from '../../dist/lint/fixes.js'
import { lint } from '../../dist/lint/lint.js'
import { Source } from '../../dist/lint/source.js'
import { lintText } from './lint-text.js'

test('a finding names line and column, behind letters of several bytes too', async () => {
  const [found] = await lintText("select 'é€😀';\n  truncate  jobs;")
  expect(found).toMatchObject({ rule: 'truncate', line: 2, column: 13, excerpt: '  truncate  jobs;' })
})

test('wherever a statement stands, its finding stands there too', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("select 'é';", '-- 😀 comment\n', '\n', '  ', '/* a\nb */', 'select 1;\r\n')),
      async (before) => {
        const text = `${before.join('\n')}\ntruncate jobs;`
        const found = (await lintText(text)).filter(({ rule }) => rule === 'truncate')
        const lines = text.split('\n')
        expect(found.map(({ line, column }) => [line, column])).toEqual([[lines.length, 10]])
      },
    ),
    { numRuns: 50 },
  )
})

test('in bodies of functions, with INTO too, and in strings of programs', async () => {
  const body =
    'create function f() returns void language plpgsql as $$\ndeclare v int;\nbegin\n  v := (select count(*) from a where x not in (select y from b));\n  select c into v\n  from t limit 1 offset 10;\nend $$'
  expect((await lintText(body)).map(({ rule, line, column }) => [rule, line, column])).toEqual([
    ['not-in-subquery', 4, 40],
    ['offset-pagination', 6, 25],
  ])
  const program =
    'const a = 1\nawait sql`\n  select id from t\n  where id > ${a} and name not in (select name from ${table} where x = ${a})`'
  expect((await lintText({ text: program, as: 'ts' })).map(({ rule, line, column }) => [rule, line, column])).toEqual([
    ['not-in-subquery', 4, 28],
  ])
})

test('what does not parse is a finding with its place; the statements before it and behind it are looked at', async () => {
  const found = await lintText('truncate a;\nselect 1;\nselec 2;\ntruncate b;')
  expect(found.map(({ rule, line, column }) => [rule, line, column])).toEqual([
    ['truncate', 1, 10],
    ['syntax', 3, 1],
    ['truncate', 4, 10],
  ])
  const body = await lintText('create function f() returns void language plpgsql as $$\nbegin\n  if x the\nend $$')
  expect(body.map(({ rule, line }) => [rule, line])).toEqual([['syntax', 4]])
  expect(await lintText({ text: 'const a = (', as: 'ts' })).toMatchObject([{ rule: 'syntax', line: 1 }])
  expect(await lintText({ text: 'work_mem\n= 4MB', as: 'postgresql.conf' })).toMatchObject([
    { rule: 'syntax', line: 1 },
    { rule: 'syntax', line: 2 },
  ])
})

test('what is nested too deeply is a finding, and what follows is looked at where it parses alone', async () => {
  const union = Array.from({ length: 5000 }, () => 'select 1').join(' union all ')
  expect(await lintText(`truncate a;\n${union};\ntruncate b;`)).toMatchObject([
    { rule: 'truncate', line: 1 },
    { rule: 'syntax', message: 'nested in more than 2000 levels: too deep to be looked at' },
    { rule: 'truncate', line: 3 },
  ])
  expect(await lintText(Array.from({ length: 1000 }, () => 'select 1').join(' union all '))).toEqual([])
  expect(await lintText({ text: `const a = ${'('.repeat(20_000)}1${')'.repeat(20_000)}`, as: 'ts' })).toMatchObject([
    { rule: 'syntax', message: 'nested too deeply to be looked at' },
  ])
})

test('nothing is thrown for any text', async () => {
  const kinds = fc.constantFrom('sql' as const, 'ts' as const, 'postgresql.conf' as const, 'pgbouncer.ini' as const)
  const words = fc.array(
    fc.oneof(
      fc.string(),
      fc.constantFrom(
        'select',
        '$$',
        "'",
        '(',
        ')',
        ';',
        '--',
        '/*',
        'create table',
        'begin',
        '\n',
        '`',
        '${',
        '}',
        'from',
        '= ',
        '$1',
      ),
    ),
  )
  await fc.assert(
    fc.asyncProperty(words, kinds, async (parts, as) => {
      await lintText({ text: parts.join(' '), as })
    }),
    { numRuns: 300 },
  )
})

test('fixes are applied, and what they leave is clean', async () => {
  const text =
    'create index i on jobs (name);\nCREATE UNIQUE INDEX j ON jobs (name, id);\nselect tablename from pg_stat_user_tables;\nbegin; set app.tenant = 1; commit;'
  const { findings } = await lint([new Source('a.sql', 'sql', text)], { version: 18 })
  const [fixed] = applyFixes({ findings, suppressed: [], files: 1, statements: 6 })
  expect(fixed).toEqual({
    path: 'a.sql',
    count: 4,
    text: 'create index concurrently i on jobs (name);\nCREATE UNIQUE INDEX CONCURRENTLY j ON jobs (name, id);\nselect relname from pg_stat_user_tables;\nbegin; set local app.tenant = 1; commit;',
  })
  const ini = '[pgbouncer]\npool_mode = session # as ever\nstats_users = a'
  const report = await lint([new Source('pgbouncer.ini', 'pgbouncer.ini', ini)], { version: 18 })
  expect(applyFixes(report)[0]?.text).toBe('[pgbouncer]\n; as ever\npool_mode = session\nstats_users = a')
})

test('the same sources give the same report', async () => {
  const texts = ['truncate b; truncate a;', 'drop table x; delete from y;', 'select * from a limit 1 offset 3']
  const run = async () => {
    const report = await lint(
      texts.map((text, i) => new Source(`${i}.sql`, 'sql', text)),
      { version: 18 },
    )
    return report.findings.map(({ finding }) => finding)
  }
  expect(await run()).toEqual(await run())
})

test('a thousand files take seconds', async () => {
  const sources = Array.from(
    { length: 1000 },
    (_, i) =>
      new Source(
        `${i}.sql`,
        'sql',
        `create table t${i} (id int primary key, name text);\nselect id from t${i} where name = $1;\n`.repeat(1) +
          'insert into t values (1);\n'.repeat(20),
      ),
  )
  const report = await lint(sources, { version: 18 })
  expect(report).toMatchObject({ files: 1000, statements: 22_000 })
})

test('what other programs fill in is taken for a name, in bodies too', async () => {
  const script =
    'create function :schema.f() returns int language plpgsql as $$\nbegin\n  return (select count(*) from :schema.a limit 1 offset 3);\nend $$;\nselect :schema.g(:\'name\', :"Name");'
  expect((await lintText(script)).map(({ rule, line }) => [rule, line])).toEqual([['offset-pagination', 3]])
  const extension =
    "set local client_encoding = 'UTF8';\ncreate domain earth as @extschema:cube@.cube;\nalter language x owner to @extowner@;\nselect @extschema@.f();"
  expect(await lintText({ text: extension, path: 'extension/earth--1.0--1.1.sql' })).toEqual([])
  const raw = 'const a = String.raw`create function :schema.f() returns int as $x$ 1 $x$;`'
  expect(await lintText({ text: raw, as: 'ts' })).toEqual([])
})
