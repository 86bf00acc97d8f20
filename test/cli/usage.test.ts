import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from './run-cli.js'

let cwd: string

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pgfleet-cli-'))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

describe('help', () => {
  test('names every command, with examples and exit codes', async () => {
    const { code, stdout, stderr } = await runCli(cwd, ['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const command of [
      'demo',
      'replay',
      'migrate',
      'maintain',
      'archive',
      'status',
      'servers',
      'tenant',
      'events',
      'metadata',
      'pipeline',
      'metrics',
      'audit',
      'import',
      'bench',
    ])
      expect(stdout).toContain(`  ${command} `)
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('Exit codes:')
  })

  test('comes in place of a missing command, as wrong usage', async () => {
    const { code, stdout, stderr } = await runCli(cwd, [])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: pgfleet')
  })
})

describe('wrong usage exits with 2', () => {
  test.each([
    [['demoo'], "unknown command 'demoo'\n(Did you mean demo?)"],
    [['demo', '--seed', 'x'], 'A whole number from 0 to 1000000 is expected.'],
    [['replay'], "missing required argument 'history'"],
    [['status', '--url', 'mysql://a'], 'a url begins with postgres://'],
    [['status', '--url', 'postgres://a', '--data-dir', 'b'], 'give --url or --data-dir, not both'],
    [['pipeline', 'checks', '--tenant', 'a', '--pull-request', '7'], '--pull-request is not like'],
    [['pipeline', 'get', 'run', 'a/b', 'x', '--tenant', 'a'], 'the id is not a whole number'],
    [['metrics', 'show', 'm', '--tenant', 'a', '--fractions', '0.5,2'], 'A number from 0 to 1 is expected.'],
    [['metrics', 'query', '--tenant', 'a', '--dimension', 'x'], 'A dimension and its value are expected'],
    [['metrics', 'record', '-', '--tenant', 'a'], 'standard input:2 is not JSON'],
    [['servers'], 'the embedded database has no standbys'],
    [['pgbouncer', '--url', 'postgres://a,b/c'], 'the url names several hosts'],
    [['bench', 'nothing'], 'there is no scenario "nothing"'],
  ])('%j', async (parameters, message) => {
    const { code, stdout, stderr } = await runCli(cwd, parameters, { stdin: '{}\n{' })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^error [A-Z_]+: /)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
  })
})

describe('errors', () => {
  test('are one JSON document on stderr with --json', async () => {
    const { code, stdout, stderr } = await runCli(cwd, ['replay', 'nothing.csv', '--json'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INPUT_INVALID', field: 'path', retryable: false } })
  })

  test('have a stack with --debug only, and never the password', async () => {
    const url = 'postgres://someone:s3cret@127.0.0.1:1/app'
    const { code, stderr } = await runCli(cwd, ['tenant', 'list', '--debug'], { env: { DATABASE_URL: url } })
    expect(code).toBe(1)
    expect(stderr).toContain('    at ')
    expect(stderr).not.toContain('s3cret')
  })

  test('looking does not make a database', async () => {
    const { code, stderr } = await runCli(cwd, ['status'])
    expect(code).toBe(1)
    expect(stderr).toContain('error SCHEMA_MISSING: there is no embedded database in')
  })
})
