// The command itself: one look, from now on, and what it refuses.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, startPooler, startServer } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'

const DIRECT = await onScratchServers()
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'pgfleet-monitor-'))
afterFile(() => rm(folder, { recursive: true, force: true }))

test('monitor refuses what it cannot do, and lists what it reads', async () => {
  const refused = async (...parameters: string[]) => {
    const { code, stderr } = await runCli(folder, ['monitor', ...parameters])
    expect(code).toBe(2)
    return stderr
  }
  expect(await refused('--label', 'datname=x', '--once')).toContain('metrics have a label of that name themselves')
  expect(await refused('--listen', 'here')).toContain('An address like 127.0.0.1:9187 is expected')
  expect(await refused('--url', 'postgres://nobody@127.0.0.1:1/x', '--without', 'everything')).toContain(
    "there is no source 'everything'",
  )
  expect(await refused('--url', 'postgres://nobody@127.0.0.1:1/x', '--once')).toContain('DATABASE_UNEXAMINED')
  const { stdout } = await runCli(folder, ['monitor', '--list', '--json'])
  expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ id: 'tables', pace: 'fast' }))
})

DIRECT.describe('monitor', () => {
  test('looks once, watches a pooler and backups, and serves whom it may until it is told to end', async () => {
    const server = await startServer(17)
    const pooler = await startPooler(server)
    const console = pooler.urlOf({ database: 'pgbouncer' })
    const backups = await mkdtemp(join(folder, 'backups-'))
    const once = await runCli(folder, [
      'monitor',
      '--once',
      '--url',
      server.url,
      '--label',
      'cluster=test',
      '--pooler-url',
      console,
      '--backups',
      backups,
    ])
    expect(once.code).toBe(0)
    expect(once.stdout).toContain('pg_up{cluster="test"} 1\n')
    expect(once.stdout).toMatch(/pg_database_size_bytes\{cluster="test",datname="postgres"\} \d{6,}/)
    expect(once.stdout).toContain('pgfleet_pooler_up{cluster="test"} 1\n')
    expect(once.stdout).toContain('pgfleet_backup_count{cluster="test"} 0\n')
    expect(once.stderr).toContain('statements could not look: the extension pg_stat_statements is not installed')
    // Behind a pooler in transaction mode that knows of no prepared statements it sees the same.
    const pooled = await runCli(folder, ['monitor', '--once', '--json', '--url', pooler.urlOf({})])
    expect(JSON.parse(pooled.stdout)).toMatchObject({
      isUp: true,
      server: { major: 17 },
      failures: [{ source: 'statements' }],
    })

    // The pooler keeps the session that it opened for the monitor.
    const admin = await server.client()
    const sessions = async () =>
      (await admin.query(`select from pg_stat_activity where application_name = 'pgfleet monitor'`)).rowCount
    const before = await sessions()
    const file = join(folder, 'auth')
    await writeFile(file, 'bearer s3cret\n')
    const { DATABASE_URL: _, ...env } = process.env
    const child = spawn(
      process.execPath,
      [MAIN, 'monitor', '--url', server.url, '--listen', ':0', '--auth-file', file],
      { cwd: folder, env },
    )
    let told = ''
    child.stderr.on('data', (data: Buffer) => {
      told += data.toString()
    })
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    await expect.poll(() => /metrics at (\S+);?\./.exec(told)?.[1] ?? told, { timeout: 30_000 }).toMatch(/^http/)
    const url = /metrics at (http\S+\/metrics)/.exec(told)?.[1] ?? ''
    expect((await fetch(url)).status).toBe(401)
    const answer = await fetch(url, { headers: { authorization: 'Bearer s3cret' } })
    expect(await answer.text()).toContain('pg_up 1\n')
    child.kill('SIGTERM')
    expect(await ended).toBe(130)
    expect(told).not.toContain('s3cret')
    await expect.poll(sessions).toBe(before)
  })
})
