import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli } from './run-cli.js'

let cwd: string

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pgfleet-cli-'))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

// One embedded database for all of it: each start costs a second or more.
test('maintain does a dry run, then the work, tells of it, and keeps what policies say', async () => {
  const json = async (...parameters: string[]) => {
    const { code, stdout, stderr } = await runCli(cwd, [...parameters, '--json'])
    expect(stderr).toBe('')
    return { code, value: JSON.parse(stdout) }
  }
  const nowhere = await runCli(cwd, ['maintain', '--once'])
  expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('SCHEMA_MISSING') })
  await json('tenant', 'create', 'acme')
  const dry = await runCli(cwd, ['maintain', '--dry-run', '--service', 'partitions-ahead', 'expiry'])
  expect(dry.code).toBe(0)
  expect(dry.stdout).toContain('Nothing was changed (--dry-run).')
  expect(dry.stdout).toContain('partitions-ahead: created memory.events_p')
  const once = await json('maintain', '--once')
  expect(once.code).toBe(0)
  expect(once.value.map(({ service }: { service: string }) => service)).toContain('retention')
  const runs = await json('maintain', 'runs', 'partitions-ahead')
  expect(runs.value).toMatchObject([
    { outcome: 'ok', dryRun: false },
    { outcome: 'ok', dryRun: true },
  ])
  await json('maintain', 'retention', 'set', 'acme', 'memory.events', '90')
  const listed = await runCli(cwd, ['maintain', 'retention', 'list'])
  expect(listed.stdout).toMatch(/memory\.events +│ acme +│ +90 days/)
  expect(await json('maintain', 'retention', 'set', 'acme', 'memory.events', 'default')).toMatchObject({
    value: { tenant: 'acme', table: 'memory.events', keepMs: null },
  })
  expect(await runCli(cwd, ['maintain', 'retention', 'set', 'acme', 'memory.events', 'soon'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('a whole number of days'),
  })
  expect(await runCli(cwd, ['maintain', '--once', '--service', 'nonsense'])).toMatchObject({ code: 2 })
  expect((await json('maintain', 'services')).value).toContainEqual(expect.objectContaining({ name: 'expiry' }))
  // As a service: until it is told to end.
  const service = await runCli(cwd, ['maintain'], { interrupt: { after: 'Leading', milliseconds: 200 } })
  expect(service.code).toBe(130)
  expect((await json('maintain', '--once', '--service', 'run-history')).code).toBe(0)
})
