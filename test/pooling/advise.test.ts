import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bar } from '../../dist/cli/bar.js'
import { connectionSteps, isPastKnee, kneeOf } from '../../dist/pooling/knee.js'
import { SCRATCH_PREFIX } from '../../dist/pooling/measure-pool.js'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, type ScratchServer, startServer } from '../doctor/scratch-server.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

let cwd: string
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pgfleet-advise-'))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

const curve = (...rates: number[]) => rates.map((rate, i) => ({ connections: i + 1, rate, p50: 1, p99: 2 }))

/** Runs the program on a terminal of its own, by util-linux, and answers its question. */
async function onTerminal(directory: string, parameters: readonly string[], answer: string) {
  const command = [process.execPath, MAIN, ...parameters].map((part) => `'${part}'`).join(' ')
  const { DATABASE_URL: _, ...env } = process.env
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: directory, env })
  let screen = ''
  child.stdout.on('data', (data: Buffer) => {
    const before = screen
    screen += data.toString()
    if (!before.includes('[y/N]') && screen.includes('[y/N]')) child.stdin.write(`${answer}\n`)
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { screen, code }
}

describe('the knee', () => {
  test('is the fewest connections with 95 % of the best', () => {
    expect(kneeOf(curve(10, 19, 20, 20.5))?.connections).toBe(3)
    expect(kneeOf(curve(10, 9, 8))?.connections).toBe(1)
    expect(kneeOf([])).toBeUndefined()
  })

  test('is past when two steps in a row gain less than 5 %', () => {
    expect(isPastKnee(curve(10, 10))).toBe(false)
    expect(isPastKnee(curve(10, 10.4, 10.4))).toBe(true)
    expect(isPastKnee(curve(10, 10.4, 10.6))).toBe(false)
    expect(isPastKnee(curve(10, 8, 20))).toBe(false)
  })

  test('of any curve reaches 95 % of the best, and no fewer connections do', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 }),
        (rates) => {
          const points = curve(...rates)
          const knee = kneeOf(points)
          const best = Math.max(...rates)
          expect(knee?.rate).toBeGreaterThanOrEqual(best * 0.95)
          for (const { rate } of points.slice(0, points.indexOf(knee as (typeof points)[number]))) {
            expect(rate).toBeLessThan(best * 0.95)
          }
        },
      ),
    )
  })

  test('is looked for in steps that grow, up to the most', () => {
    expect(connectionSteps(1)).toEqual([1])
    expect(connectionSteps(10)).toEqual([1, 2, 3, 4, 6, 8, 10])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (most) => {
        const steps = connectionSteps(most)
        expect(steps.at(-1)).toBe(most)
        expect(steps.every((step, i) => Number.isInteger(step) && step > (steps[i - 1] ?? 0))).toBe(true)
      }),
    )
  })

  test('bars are as long as their rate', () => {
    expect(bar(10, 10, 4)).toBe('████')
    expect(bar(5, 10, 3)).toBe('█▌')
    expect(bar(0, 0, 3)).toBe('')
  })
})

describe('pgfleet advise pool', () => {
  test.each([
    [['--data-dir', 'memory://'], 'the embedded database has one connection'],
    [['--url', 'postgres://a@b/c', '--yes'], '--yes and --svg need --measure'],
    [['--url', 'postgres://a@b/c', '--seconds', '0'], 'A number from 0.2 to 60 is expected'],
  ])('refuses %j', async (more, message) => {
    const { code, stdout, stderr } = await runCli(cwd, ['advise', 'pool', ...more])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })
})

const DIRECT = await onScratchServers()

DIRECT.describe('on a server', () => {
  let server: ScratchServer
  let admin: Pool
  beforeAll(async () => {
    server = await startServer(17, { settings: { max_connections: '12' } })
    admin = new Pool({ connectionString: server.url, max: 1 })
    // Stopping the server ends its connection.
    admin.on('error', () => {})
  }, 60_000)
  afterAll(() => admin.end())

  const scratch = async () =>
    (await admin.query('select datname from pg_database where starts_with(datname, $1)', [SCRATCH_PREFIX])).rows
  const advise = (...more: string[]) => runCli(cwd, ['advise', 'pool', '--url', server.url, ...more])

  test('the rule counts cores and disks, and what the server allows', async () => {
    const { code, stdout } = await advise('--cores', '8', '--spindles', '2', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      maxConnections: 12,
      reservedConnections: 3,
      rule: { cores: 8, connections: 18 },
      measured: null,
    })
    expect((await advise('--cores', '8')).stdout).toMatch(/^16 connections: twice 8 cores\./)
  })

  test('is measured when somebody says so: a table, a curve, a picture, and nothing left behind', async () => {
    const asked = await advise('--measure')
    expect(asked).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes') })
    expect(asked.stderr).toContain('loads the server')
    expect(await scratch()).toEqual([])
    const { code, stdout, stderr } = await advise(
      '--measure',
      '--yes',
      '--seconds',
      '0.3',
      '--svg',
      'pool.svg',
      '--json',
    )
    expect(code, stderr).toBe(0)
    const { measured } = JSON.parse(stdout)
    const connections = measured.points.map((point: { connections: number }) => point.connections)
    expect(connections.slice(0, 3)).toEqual([1, 2, 3])
    // Twelve, of which three are reserved, and some are open.
    expect(Math.max(...connections)).toBeLessThanOrEqual(8)
    expect(connections).toContain(measured.knee)
    for (const { rate, p50, p99 } of measured.points) {
      expect(rate).toBeGreaterThan(0)
      expect(p50).toBeLessThanOrEqual(p99)
    }
    const svg = await readFile(join(cwd, 'pool.svg'), 'utf8')
    expect(svg).toMatch(/^<svg [\s\S]*<polyline [\s\S]*<\/svg>\n$/)
    expect(svg.match(/<circle /g)).toHaveLength(measured.points.length)
    expect(await scratch()).toEqual([])
    const text = await advise('--measure', '--yes', '--seconds', '0.2', '--connections-max', '2', '--cores', '2')
    expect(text.stdout).toMatch(/→ \d/)
    expect(text.stdout).toContain('█')
    expect(text.stdout).toContain('The rule says 4: twice 2 cores.')
  }, 120_000)

  test.each([
    ['n', 'nothing was done', 1],
    ['', 'nothing was done', 1],
    ['y', '→ 1', 0],
  ])(
    'asks on a terminal, and takes %j for an answer',
    async (answer, said, code) => {
      const ended = await onTerminal(
        cwd,
        ['advise', 'pool', '--url', server.url, '--measure', '--seconds', '0.2', '--connections-max', '1'],
        answer,
      )
      expect(ended.screen).toContain(
        'loads the server with up to 1 connections, 0.2 s for each number of them. Go on? [y/N]',
      )
      expect(ended.screen).toContain(said)
      expect(ended.code).toBe(code)
      expect(await scratch()).toEqual([])
    },
    120_000,
  )

  test('an interrupted measure leaves nothing behind', async () => {
    const { code, stdout } = await runCli(
      cwd,
      ['advise', 'pool', '--url', server.url, '--measure', '--yes', '--seconds', '5'],
      { interrupt: { after: '1 connections:', milliseconds: 100 } },
    )
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(await scratch()).toEqual([])
  }, 120_000)

  test('a login that may not make a database is told so', async () => {
    await admin.query(`create role plain login password 'plain'`)
    const url = server.urlOf({ user: 'plain', password: 'plain' })
    const { code, stderr } = await runCli(cwd, ['advise', 'pool', '--url', url, '--measure', '--yes'])
    expect(code).toBe(1)
    expect(stderr).toContain('PERMISSION_DENIED')
    expect(stderr).not.toContain('plain:plain')
  })
})
