// biome-ignore-all lint/suspicious/noTemplateCurlyInString: programs that are linted, as texts
import { expect, test } from 'vitest'
import { lintText } from './lint-text.js'

const rules = async (text: string, as: 'sql' | 'ts' | 'postgresql.conf' | 'pgbouncer.ini' = 'sql') =>
  (await lintText({ text, as })).map(({ rule, line }) => `${line} ${rule}`)

test('a comment with a reason suppresses in the statement behind it, in it, and on its line', async () => {
  expect(await rules('-- pgfleet-lint ignore truncate: a scratch table\ntruncate\n  jobs;')).toEqual([])
  expect(await rules('truncate jobs; -- pgfleet-lint ignore truncate: a scratch table')).toEqual([])
  expect(await rules('/* pgfleet-lint ignore truncate: a scratch table */ truncate jobs;')).toEqual([])
  expect(await rules('-- pgfleet-lint ignore truncate: a scratch table\ntruncate a;\ntruncate b;')).toEqual([
    '3 truncate',
  ])
})

test('several rules, and a whole file', async () => {
  expect(
    await rules('-- pgfleet-lint ignore truncate, drop-table: scratch tables\ntruncate a;\ndrop table b;'),
  ).toEqual(['1 suppression-unused', '3 drop-table'])
  expect(await rules('-- pgfleet-lint ignore-file truncate: scratch tables\ntruncate a;\ntruncate b;')).toEqual([])
})

test('in a body it holds for the statement that it stands before', async () => {
  const body = (comment: string) =>
    `create function f() returns void language plpgsql as $$\nbegin\n  ${comment}\n  delete from a;\n  delete from b;\nend $$`
  expect(await rules(body('-- pgfleet-lint ignore write-without-where: all of it is meant'))).toEqual([
    '5 write-without-where',
  ])
})

test('without a reason, for no rule, or for nothing, it is a finding itself', async () => {
  expect(await rules('-- pgfleet-lint ignore truncate\ntruncate jobs;')).toEqual([
    '1 suppression-invalid',
    '2 truncate',
  ])
  expect(await rules('-- pgfleet-lint ignore truncate:   \ntruncate jobs;')).toEqual([
    '1 suppression-invalid',
    '2 truncate',
  ])
  expect(await rules('-- pgfleet-lint ignore trunkate: a scratch table\nselect 1;')).toEqual(['1 suppression-invalid'])
  expect(await rules('-- pgfleet-lint ignore truncate: a scratch table\nselect 1;')).toEqual(['1 suppression-unused'])
})

test('in programs and settings too', async () => {
  expect(
    await rules('// pgfleet-lint ignore truncate: a scratch table\nawait client.query(`truncate jobs`)', 'ts'),
  ).toEqual([])
  expect(
    await rules('await client.query(`\n  -- pgfleet-lint ignore truncate: a scratch table\n  truncate jobs`)', 'ts'),
  ).toEqual([])
  expect(await rules("const text = '-- pgfleet-lint ignore truncate'", 'ts')).toEqual([])
  expect(await rules('# pgfleet-lint ignore dangerous-setting: a test server\nfsync = off', 'postgresql.conf')).toEqual(
    [],
  )
  expect(await rules('fsync = off # pgfleet-lint ignore dangerous-setting: a test server', 'postgresql.conf')).toEqual(
    [],
  )
  expect(
    await rules(
      '[pgbouncer]\n; pgfleet-lint ignore pooler-auth: a test server\nauth_type = trust\nstats_users = a',
      'pgbouncer.ini',
    ),
  ).toEqual([])
})
