// Commands on a url that names several servers, of which one is gone: they go to the primary.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'

onEngines(['direct'], 'it names servers').describe('a command on several servers', () => {
  let cwd: string
  let several: string
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'pgfleet-several-'))
    afterFile(() => rm(cwd, { recursive: true, force: true }))
    // Nobody listens at the first.
    several = (await createTestDatabase()).adminUrl().replace(/@/, '@127.0.0.1:1,')
  })

  test.each<string[]>([
    ['status'],
    ['servers'],
    ['migrate', '--dry-run'],
    ['doctor', '--level', 'error'],
    ['checklist'],
    ['top', '--once'],
    ['advise', 'pool', '--cores', '2'],
    ['advise', 'config', '--no-boot', '--sample', '0'],
    ['backup', '--to', 'backups'],
    ['maintain', '--once', '--service', 'index-bloat', '--direct-url', 'SEVERAL'],
  ])('%s works on the primary', async (...parameters) => {
    const words = parameters.map((word) => (word === 'SEVERAL' ? several : word))
    const { code, stdout, stderr } = await runCli(cwd, [...words, '--url', several])
    expect(stdout, stderr).not.toBe('')
    // Some exit with 1 for what they find, a server that is gone for instance; none for what it cannot do.
    expect({ code, error: /error [A-Z_]+:.*/.exec(stderr)?.[0] }).toEqual({
      code: expect.toBeOneOf([0, 1]),
      error: undefined,
    })
    expect(stdout).not.toMatch(/failed|Invalid URL/)
  })

  test.each([
    ['monitor', '--once'],
    ['pgbouncer', '--cores', '2'],
  ])('%s is about one server, and says so', async (...parameters) => {
    const { code, stderr } = await runCli(cwd, [...parameters, '--url', several])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('names several hosts') })
  })

  test('without a primary it is told who was asked', async () => {
    const { code, stderr } = await runCli(cwd, ['doctor', '--url', 'postgres://a@127.0.0.1:1,127.0.0.1:2/x'])
    expect(code).toBe(1)
    expect(stderr).toContain('PRIMARY_UNAVAILABLE')
    expect(stderr).toContain('127.0.0.1:2/x does not answer')
  }, 30_000)
})
