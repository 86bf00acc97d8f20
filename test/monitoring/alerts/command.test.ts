import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openFleet } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { resolveThresholds } from '../../../dist/doctor/thresholds.js'
import { encodeAlerts, idOf } from '../../../dist/monitoring/alerts/open-alert.js'
import { formatPrometheusRules } from '../../../dist/monitoring/alerts/prometheus-rules.js'
import { RULES } from '../../../dist/monitoring/alerts/rules/index.js'
import { runCli } from '../../cli/run-cli.js'
import { afterFile, createTestDatabase, onEngines } from '../../setup/index.js'

const directory = await mkdtemp(join(tmpdir(), 'alerts-command-'))
afterFile(() => rm(directory, { recursive: true, force: true }))
const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const monitor = (...parameters: string[]) => runCli(directory, ['monitor', ...parameters])

describe('rules', () => {
  test('are listed with their limits, also as JSON', async () => {
    const { stdout, code } = await monitor('rules', '--threshold', 'replicationLagMb=500')
    expect(code).toBe(0)
    expect(stdout).toMatch(/replication-lag +│ warning +│ +>= 500 MB │ +5m/)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    const json = await monitor('rules', '--json')
    expect(JSON.parse(json.stdout).map(({ id }: { id: string }) => id)).toEqual(RULES.map(({ id }) => id))
  })

  test('one is told in full', async () => {
    const { stdout } = await monitor('rules', 'dead-rows')
    expect(stdout).toContain('PgfleetDeadRows')
    expect(stdout).toContain('pgfleet doctor --check dead-rows')
  })

  test('are written for Prometheus, with other thresholds too', async () => {
    const printed = await monitor('rules', '--format', 'prometheus')
    expect(printed.stdout).toBe(formatPrometheusRules(RULES, resolveThresholds()))
    const { stdout } = await monitor('rules', '--output', 'rules.yaml', '--threshold', 'vectorRecall=0.5', '--json')
    expect(JSON.parse(stdout)).toEqual({ output: 'rules.yaml', rules: RULES.length })
    expect(await readFile(join(directory, 'rules.yaml'), 'utf8')).toContain('pgfleet_vector_recall_ratio < 0.5')
  })
})

test('open alerts are listed from the file of a monitor, with since when', async () => {
  const since = new Date(Date.now() - 3 * 3_600_000)
  const open = {
    id: idOf(since, 'a'),
    rule: 'dead-rows',
    labels: { datname: 'app', schemaname: 'public', relname: 'orders' },
    state: 'firing' as const,
    value: 0.4,
    since,
    lastAt: since,
    firedAt: since,
    easedAt: null,
    resolvedAt: null,
    end: null,
    noticedAt: since,
    unsent: null,
  }
  await writeFile(join(directory, 'open.json'), encodeAlerts([open, { ...open, state: 'resolved', labels: {} }]))
  const { stdout, code } = await monitor('alerts', '--alerts', 'open.json')
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /^dead-rows {2}firing, since .*Z \(3 h\)\n {2}40 % of the rows of public\.orders are dead\.\n\n1 firing, 0 pending\./,
  )
  const json = await monitor('alerts', '--alerts', 'open.json', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject([
    { rule: 'dead-rows', since: since.toISOString(), severity: 'warning' },
  ])
  expect((await monitor('alerts', '--alerts', 'none-yet.json')).stdout).toBe('No alert is open.\n')
})

describe('wrong usage', () => {
  const watch = ['--url', 'postgres://127.0.0.1:1/x', '--listen', '127.0.0.1:0']
  test.concurrent.each([
    [['rules', 'no-such-rule'], "no rule 'no-such-rule'"],
    [['rules', '--format', 'prometheus', '--json'], 'choose one'],
    [['rules', '--threshold', 'nope=1'], 'nope'],
    [['alerts'], '--alerts FILE'],
    [[...watch, '--webhook', 'ftp://x'], 'begins with http'],
    [[...watch, '--webhook', 'https://me:hidden@x/'], 'has no login'],
    [[...watch, '--webhook', 'https://x/', '--silence', 'no-such-rule'], "no rule 'no-such-rule'"],
    [[...watch, '--silence', 'dead-rows'], 'nobody would be told'],
    [[...watch, '--webhook', 'https://x/', '--webhook-secret-file', 'missing'], 'missing cannot be read'],
    [[...watch, '--webhook', 'https://x/', '--repeat', 'often'], '26h'],
  ])('%j ends with 2 and says why', async (parameters, why) => {
    const { code, stderr, stdout } = await monitor(...parameters)
    expect(stderr).toContain(why)
    expect(stderr).not.toMatch(/hidden|\n\s+at /)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('a file that holds no alerts is refused at once, and stays as it is', async () => {
    await writeFile(join(directory, 'other.json'), '{}')
    const { code, stderr } = await monitor(...watch, '--alerts', 'other.json')
    expect(stderr).toContain('ALERTS_UNREADABLE')
    expect(code).toBe(1)
    expect(await readFile(join(directory, 'other.json'), 'utf8')).toBe('{}')
  })
})

onEngines(['direct'], 'watches a server')(
  'a running monitor posts and records what is due, keeps it, and ends on an interrupt',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    await fleet.tenants.create({ id: 'operations' })
    const bodies: string[] = []
    const other = createServer((request, response) => {
      request.on('data', (part: Buffer) => bodies.push(part.toString()))
      request.on('end', () => response.end())
    })
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { url = '' } = database.options
    // Also when no session is idle in a transaction, the longest is so for 0 seconds.
    const options = [
      '--interval',
      '1s',
      '--threshold',
      'idleInTransactionS=0',
      '--listen',
      '127.0.0.1:0',
      '--alerts',
      'kept.json',
    ]
    const { metrics } = fleet.tenant('operations').delivery
    const hook = `http://127.0.0.1:${(other.address() as AddressInfo).port}/hook`
    const parameters = ['--url', url, ...options, '--alert-tenant', 'operations', '--webhook', hook]
    const child = spawn(process.execPath, [MAIN, 'monitor', ...parameters], { cwd: directory, stdio: 'ignore' })
    const ended = once(child, 'exit')
    try {
      const guard = { timeout: 15_000 }
      await expect.poll(() => bodies.length, guard).toBeGreaterThan(0)
      const dimensions = { alert: 'idle-in-transaction' }
      const points = async () => (await metrics.query({ name: 'pgfleet.alert', dimensions })).metrics.length
      await expect.poll(points, guard).toBe(1)
      const listed = async () => JSON.parse((await monitor('alerts', '--alerts', 'kept.json', '--json')).stdout)
      const due = expect.objectContaining({ rule: 'idle-in-transaction', state: 'firing' })
      await expect.poll(listed, guard).toContainEqual(due)
    } finally {
      child.kill('SIGINT')
      other.close()
      await fleet.close()
    }
    expect((await ended)[0]).toBe(130)
    const kept = JSON.parse(await readFile(join(directory, 'kept.json'), 'utf8'))
    const delivered = expect.objectContaining({ rule: 'idle-in-transaction', state: 'firing', unsent: null })
    expect(kept, 'what is delivered is not delivered again').toContainEqual(delivered)
    expect(bodies.map((body) => JSON.parse(body))).toContainEqual(
      expect.objectContaining({ rule: 'idle-in-transaction', kind: 'firing', severity: 'warning' }),
    )
  },
)
