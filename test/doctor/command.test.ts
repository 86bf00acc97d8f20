// The command: what it prints, how it ends, and what it does with bad input. Needs no server but the embedded one where it can.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { CHECKS } from '../../dist/doctor/checks/index.js'
import { runCli } from '../cli/run-cli.js'
import { afterFile } from '../setup/index.js'
import { onScratchServers, type ScratchServer, startServer } from './scratch-server.js'

const directory = await mkdtemp(join(tmpdir(), 'doctor-command-'))
afterFile(() => rm(directory, { recursive: true, force: true }))
const doctor = (...parameters: string[]) => runCli(directory, ['doctor', ...parameters])

describe('wrong usage', () => {
  test.each([
    [['--check', 'no-such-check'], 'no-such-check'],
    [['--threshold', 'nope=1'], 'nope'],
    [['--sample', '60'], '60s'],
    [['--memory', '16'], '16GB'],
    [['--format', 'xml'], 'xml'],
    [['--level', 'fatal'], 'fatal'],
    [['--config', 'missing.json'], 'missing.json'],
    [['--baseline', 'missing.json'], 'missing.json'],
    [['postgres://localhost:notaport/x'], 'url'],
    [['nonsense'], 'a url begins with postgres://'],
    [['--prove-tenancy', 'postgres://127.0.0.1:1/x'], '--pooled-url'],
  ])('%j ends with 2 and says why', async (parameters, why) => {
    const { code, stderr, stdout } = await doctor(...parameters)
    expect(stderr).toContain(why)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test.each([
    ['{', 'is no JSON'],
    ['{"tresholds": {}}', 'tresholds'],
    ['{"thresholds": {"deadRows": "many"}}', 'thresholds.deadRows'],
    ['{"levels": {"no-such-check": "off"}}', 'levels.no-such-check'],
    ['{"ignore": [{"fingerprint": "a:b"}]}', 'ignore.0.reason'],
    ['{"ignore": [{"fingerprint": "a:b", "reason": " "}]}', 'ignore.0.reason'],
    ['\u0000\u001b[2J', 'it looks like a binary file'],
  ])('a configuration %s is refused', async (text, why) => {
    const file = join(directory, 'bad.json')
    await writeFile(file, text)
    const { code, stderr } = await doctor('--config', file)
    expect(stderr).toContain(why)
    expect(stderr.trim()).not.toMatch(/[^\P{Cc}\n]/u)
    expect(code).toBe(2)
  })

  test('--list needs no database', async () => {
    const { code, stdout } = await doctor('--list')
    expect(code).toBe(0)
    for (const { id } of CHECKS) expect(stdout).toContain(id)
  })
})

describe('what is no database that can be examined', () => {
  /** A server that answers anybody with the bytes, or not at all. */
  async function listen(answer: (data: Buffer) => Buffer | string | undefined): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => {
        const bytes = answer(data)
        if (bytes === undefined) socket.destroy()
        else socket.write(bytes)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    afterFile(async () => void server.close())
    return `postgres://bob:hunter2@127.0.0.1:${(server.address() as { port: number }).port}/x`
  }

  /** The commands that look at any database. */
  const COMMANDS = [
    (url: string) => doctor(url),
    (url: string) => runCli(directory, ['explain', '--url', url, '--sql', 'select 1']),
    (url: string) => runCli(directory, ['lint', '--url', url, join(directory, 'one.sql')]),
  ]
  beforeAll(() => writeFile(join(directory, 'one.sql'), 'select 1;\n'))

  test('a server that speaks first, and never hangs up, as databases of other makers do', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.write(Buffer.from('J\0\0\0\n8.0.36\0\b\0\0\0', 'latin1'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    afterFile(async () => void server.close())
    const url = `postgres://bob:hunter2@127.0.0.1:${(server.address() as { port: number }).port}/x`
    for (const ask of COMMANDS) {
      const { code, stdout, stderr } = await ask(url)
      expect(stderr).toMatch(/^error DATABASE_UNEXAMINED: .+\nhint: .+\n$/)
      expect(stderr).not.toContain('hunter2')
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    }
  })

  test.each([
    ['nothing listens', async () => 'postgres://bob:hunter2@127.0.0.1:1/x'],
    ['a host that does not exist', async () => 'postgres://bob:hunter2@no-such-host.invalid/x'],
    ['something that hangs up', () => listen(() => undefined)],
    ['a web server', () => listen(() => 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
    ['noise', () => listen(() => Buffer.from([0, 255, 1, 2, 3, 4, 5, 250, 251, 252]))],
  ])('%s: told in a line, with exit code 2 and without the password', async (_, url) => {
    const { code, stdout, stderr } = await doctor(await url())
    expect(stderr).toMatch(/^error DATABASE_UNEXAMINED: .+\nhint: .+\n$/)
    expect(stderr).not.toContain('hunter2')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('a server that is too old or too new', async () => {
    // The protocol's shortest greeting, and one row for the question about the version.
    const message = (type: string, body: Buffer) => Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
    const int32 = (n: number) => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255])
    const field = (name: string) =>
      Buffer.concat([
        Buffer.from(`${name}\0`),
        Buffer.alloc(4 + 2),
        int32(25),
        Buffer.from([255, 255]),
        Buffer.alloc(4 + 2),
      ])
    const ready = message('Z', Buffer.from('I'))
    for (const [number, text] of [
      ['140012', 'PostgreSQL 14.12 on x'],
      ['190001', 'PostgreSQL 19.1 on x'],
    ] as const) {
      let asked = 0
      const url = await listen((data) => {
        asked++
        if (asked === 1) return Buffer.concat([message('R', int32(0)), ready])
        if (!data.toString().includes('server_version_num'))
          return Buffer.concat([message('C', Buffer.from('SET\0')), ready])
        const value = (each: string) => Buffer.concat([int32(each.length), Buffer.from(each)])
        return Buffer.concat([
          message('T', Buffer.concat([Buffer.from([0, 2]), field('number'), field('text')])),
          message('D', Buffer.concat([Buffer.from([0, 2]), value(number), value(text)])),
          message('C', Buffer.from('SELECT 1\0')),
          ready,
        ])
      })
      for (const ask of COMMANDS) {
        asked = 0
        const { code, stderr } = await ask(url)
        expect(stderr).toContain(text.split(' on ')[0])
        expect(stderr).toContain('15 to 18')
        expect(code).toBe(2)
      }
    }
  })
})

const DIRECT = await onScratchServers()

DIRECT.describe('a stranger’s database', () => {
  let server: ScratchServer

  beforeAll(async () => {
    server = await startServer(17)
    const client = await server.client()
    await client.query(
      `create table "Order|s" (id int primary key, n int); create index a on "Order|s" (n); create index "b*" on "Order|s" (n)`,
    )
    await client.query('create table u (id int)')
    await client.end()
  })

  test('is shown in 80 columns, with the order of the fixes, and an exit code by level', async () => {
    const { code, stdout } = await doctor(server.url)
    expect(stdout).toContain('duplicate-index')
    expect(stdout).toContain('ORDER OF THE FIXES')
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
    expect(code).toBe(1)
    expect((await doctor(server.url, '--level', 'error')).code).toBe(0)
    const password = new URL(server.url).password
    expect(stdout).not.toContain(password)
  })

  test('as JSON, Markdown and SARIF', async () => {
    const json = JSON.parse((await doctor(server.url, '--json')).stdout)
    const [finding] = json.findings
    expect(finding).toMatchObject({
      check: 'duplicate-index',
      level: 'warning',
      fingerprint: expect.stringMatching(/^duplicate-index:[0-9a-f]{12}$/),
    })
    expect(JSON.parse((await doctor(server.url, '--format', 'json')).stdout).findings).toHaveLength(
      json.findings.length,
    )
    const markdown = (await doctor(server.url, '--format', 'markdown')).stdout
    expect(markdown).toContain('## Warnings')
    expect(markdown).toContain('drop index concurrently public."b*";')
    expect(markdown).toContain('public."b\\*"')
    const sarif = JSON.parse((await doctor(server.url, '--format', 'sarif')).stdout)
    expect(sarif).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: { name: 'pgfleet doctor' } } }] })
    const [{ results, tool }] = sarif.runs
    expect(results).toHaveLength(json.findings.length)
    for (const result of results) {
      expect(tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId)
      expect(['error', 'warning', 'note']).toContain(result.level)
    }
  })

  test('with a baseline only what is new counts', async () => {
    const file = join(directory, 'known.json')
    await doctor(server.url, '--write-baseline', file)
    const again = await doctor(server.url, '--baseline', file, '--level', 'info')
    expect(again.code).toBe(0)
    expect(again.stdout).toContain('of the baseline not shown')
    const client = await server.client()
    await client.query('alter table u add foreign key (id) references "Order|s"')
    await client.query(`alter system set work_mem = '8MB'; `)
    await client.query('select pg_reload_conf()')
    const { stdout } = await doctor(server.url, '--baseline', file, '--json')
    const found = JSON.parse(stdout).findings.map(({ check }: { check: string }) => check)
    expect(found).toContain('foreign-key-index')
    expect(found).not.toContain('duplicate-index')
    const nowhere = await doctor(server.url, '--check', 'clock', '--write-baseline', join(directory, 'no/such/file'))
    expect(nowhere).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('cannot be written') })
    await expect
      .poll(async () =>
        JSON.parse((await doctor(server.url, '--baseline', file, '--json')).stdout).findings.map(
          ({ object }: { object: string }) => object,
        ),
      )
      .toContain('setting work_mem')
    expect(JSON.parse(await readFile(file, 'utf8')).version).toBe(1)
    await client.end()
  })

  test('a configuration changes thresholds, levels, and what is accepted', async () => {
    const { stdout } = await doctor(server.url, '--json', '--check', 'duplicate-index')
    const { fingerprint } = JSON.parse(stdout).findings[0]
    await writeFile(
      join(directory, '.pgfleet-doctor.json'),
      JSON.stringify({
        levels: { 'primary-key': 'error', 'point-in-time': 'off' },
        ignore: [
          { fingerprint, reason: 'both are needed until Friday' },
          { fingerprint: 'gone:000000000000', reason: 'old' },
        ],
      }),
    )
    const configured = await doctor(server.url, '--level', 'error')
    await rm(join(directory, '.pgfleet-doctor.json'))
    expect(configured.code).toBe(1)
    expect(configured.stdout).toContain('both are needed until Friday')
    expect(configured.stdout).toContain('not found any more: gone:000000000000')
    expect(configured.stdout).not.toContain('point-in-time')
    expect(configured.stdout).toContain('ERRORS')
  })

  test('a wrong password', async () => {
    const { code, stderr } = await doctor(server.urlOf({ password: 'guess' }))
    expect(stderr).toContain('password authentication failed')
    expect(stderr).not.toContain('guess')
    expect(code).toBe(2)
  })

  test('a time-out in one check leaves the others', async () => {
    const { code, stdout } = await doctor(server.url, '--json', '--timeout', '1ms')
    const { results } = code === 2 ? { results: [] } : JSON.parse(stdout)
    // On so short a time anything may be late: whatever came is complete, and told.
    for (const { outcome, reason } of results) if (outcome === 'could-not-look') expect(reason).not.toBe('')
    expect(
      code === 2 ||
        results.length === CHECKS.filter(({ depth, source }) => depth === undefined && source === undefined).length,
    ).toBe(true)
  })
})
