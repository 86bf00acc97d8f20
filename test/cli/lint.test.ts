import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from './run-cli.js'

let cwd: string

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pgfleet-lint-'))
  await mkdir(join(cwd, 'migrations/node_modules'), { recursive: true })
  await writeFile(join(cwd, 'migrations/0001_jobs.sql'), 'create table jobs (id int primary key);\n')
  await writeFile(join(cwd, 'migrations/0002_name.sql'), 'alter table jobs add column name text;\n')
  await writeFile(join(cwd, 'migrations/node_modules/skipped.sql'), 'drop table jobs;\n')
  await writeFile(join(cwd, 'clean.sql'), 'select id from jobs where id = $1;\n')
  await writeFile(join(cwd, 'star.sql'), 'select * from anything;\n')
  await writeFile(join(cwd, 'fixable.sql'), 'create index i on elsewhere (name);\n')
  await writeFile(join(cwd, 'binary.sql'), Buffer.from([0x80, 0xff, 0x00, 0x01]))
  await writeFile(join(cwd, 'nul.sql'), 'select 1\0;')
  await writeFile(join(cwd, 'notes.txt'), 'hello')
  await writeFile(join(cwd, 'broken.json'), '{')
  await writeFile(
    join(cwd, 'plan.txt'),
    'Seq Scan on a  (cost=0.00..17.04 rows=4 width=4) (actual time=0.00..9.00 rows=4 loops=1)\n  Filter: (b = 1)\n  Rows Removed by Filter: 90000\nExecution Time: 9.1 ms\n',
  )
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

describe('lint', () => {
  test('exits with 1 for findings, and shows where they are', async () => {
    const { code, stdout, stderr } = await runCli(cwd, ['lint', 'migrations'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toMatch(/^migrations\/0002_name\.sql:1:1 {2}warning {2}lock-timeout-missing\n/)
    expect(stdout).toContain('1 warning in 2 files, 2 statements.')
  })

  test('exits with 0 for none, and says what is not shown', async () => {
    expect(await runCli(cwd, ['lint', 'clean.sql'])).toMatchObject({
      code: 0,
      stdout: 'Nothing found in 1 file, 1 statement.\n',
    })
    const star = await runCli(cwd, ['lint', 'star.sql'])
    expect(star).toMatchObject({ code: 0, stdout: expect.stringContaining('Not shown: 1 info (--level info).') })
    expect((await runCli(cwd, ['lint', 'star.sql', '--level', 'info'])).code).toBe(1)
  })

  test('prints JSON, SARIF and Markdown', async () => {
    const json = JSON.parse((await runCli(cwd, ['lint', 'migrations', '--json'])).stdout)
    expect(json).toMatchObject({ files: 2, findings: [{ rule: 'lock-timeout-missing', line: 1, column: 1 }] })
    expect(JSON.parse((await runCli(cwd, ['lint', 'migrations', '--format', 'sarif'])).stdout).version).toBe('2.1.0')
    expect((await runCli(cwd, ['lint', 'migrations', '--format', 'markdown'])).stdout).toMatch(/^\| Where \|/)
  })

  test('reads standard input as it is told to', async () => {
    const { code, stdout } = await runCli(cwd, ['lint', '-', '--as', 'postgresql.conf'], { stdin: 'fsync = off\n' })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^<stdin>:1:1 {2}error {2}dangerous-setting/)
  })

  test('takes levels from a configuration, and refuses one that is none', async () => {
    const config = {
      overrides: [
        { files: ['migrations/*.sql'], rules: { 'lock-timeout-missing': 'off' }, reason: 'the tool sets one' },
      ],
    }
    await writeFile(join(cwd, 'lint.json'), JSON.stringify(config))
    expect((await runCli(cwd, ['lint', 'migrations', '--config', 'lint.json'])).code).toBe(0)
    await writeFile(join(cwd, 'wrong.json'), JSON.stringify({ overrides: [{ files: ['a'], rules: {}, reason: '' }] }))
    const wrong = await runCli(cwd, ['lint', 'migrations', '--config', 'wrong.json'])
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('overrides[0].reason') })
    expect(await runCli(cwd, ['lint', 'clean.sql', '--config', 'broken.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not JSON'),
    })
  })

  test('mends what it can', async () => {
    const { code, stderr } = await runCli(cwd, ['lint', 'fixable.sql', '--fix'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'fixable.sql: 1 fixed\n' })
    expect(await readFile(join(cwd, 'fixable.sql'), 'utf8')).toBe('create index concurrently i on elsewhere (name);\n')
    expect((await runCli(cwd, ['lint', 'fixable.sql'])).code).toBe(0)
  })

  test('writes a file in the encoding in which it was', async () => {
    const bad = 'create index i on elsewhere (name);\r\n-- é\r\n'
    const good = 'create index concurrently i on elsewhere (name);\r\n-- é\r\n'
    const encodings = { utf8: '\ufeff', utf16le: '\ufeff' } as const
    for (const [encoding, mark] of Object.entries(encodings) as ['utf8' | 'utf16le', string][]) {
      await writeFile(join(cwd, `${encoding}.sql`), `${mark}${bad}`, encoding)
      await runCli(cwd, ['lint', `${encoding}.sql`, '--fix'])
      expect(await readFile(join(cwd, `${encoding}.sql`), encoding)).toBe(`${mark}${good}`)
    }
  })

  test('lists its rules', async () => {
    expect((await runCli(cwd, ['lint', '--list'])).stdout).toMatch(/^volatile-index +error +A function/m)
  })

  test.each([
    [['lint'], 'no file was named'],
    [['lint', 'nothing.sql'], 'nothing.sql: there is no file'],
    [['lint', 'binary.sql'], 'looks like a binary file'],
    [['lint', 'nul.sql'], 'holds NUL characters'],
    [['lint', 'notes.txt'], 'its name does not tell what it is'],
    [['lint', 'clean.sql', '--pg-version', '9'], '--pg-version'],
    [['lint', 'clean.sql', '--level', 'bad'], '--level'],
    [['lint', 'clean.sql', '--url', 'postgres://127.0.0.1:1/x'], 'DATABASE_UNEXAMINED'],
    [['lint', 'clean.sql', '--trace'], '--trace needs --url or --data-dir'],
    [['lint', 'clean.sql', '--url', 'nonsense'], 'a url begins with postgres://'],
    [['explain', '--sql', 'select 1', '--url', 'postgres://127.0.0.1:1/x'], 'DATABASE_UNEXAMINED'],
    [['explain'], 'neither a plan nor a statement'],
    [['explain', 'nothing.json'], 'nothing.json: there is no file'],
    [['explain', 'clean.sql'], 'there is no plan in the text'],
    [['explain', 'binary.sql'], 'looks like a binary file'],
    [['explain', 'plan.txt', '--analyze'], '--analyze and --write need --sql'],
    [['explain', '--sql', 'select 1', '--write'], '--write needs --analyze'],
  ])('%j ends with 2: nothing was looked at', async (parameters, message) => {
    const { code, stdout, stderr } = await runCli(cwd, parameters)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
  })
})

describe('explain', () => {
  test('draws a plan and names its problems', async () => {
    const { code, stdout } = await runCli(cwd, ['explain', 'plan.txt', '--html', 'plan.html'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/9\.0 100 % █+ +4 → 4 +Seq Scan on a \[1\]/)
    expect(stdout).toContain('[1] critical: A sequential scan')
    expect(await readFile(join(cwd, 'plan.html'), 'utf8')).toMatch(/^<!doctype html>/)
  })

  test('is a check for CI, and reads standard input', async () => {
    const stdin = await readFile(join(cwd, 'plan.txt'), 'utf8')
    expect((await runCli(cwd, ['explain', '-', '--check', 'critical'], { stdin })).code).toBe(1)
    const { code, stdout } = await runCli(cwd, ['explain', '-', '--json'], { stdin })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      problems: [{ id: 'seq-scan-removes-rows', node: 1 }],
      plan: { root: { relation: 'a' } },
    })
  })
})
