// The command itself: what it prints once, and in a pseudo terminal (of util-linux's script) what it does to it and how it leaves it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, type ScratchServer, startServer } from '../doctor/scratch-server.js'
import { afterFile, engine, onEngines } from '../setup/index.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const directory = await mkdtemp(join(tmpdir(), 'top-command-'))
afterFile(() => rm(directory, { recursive: true, force: true }))

const SCRATCH = await onScratchServers()
const hasScript = (() => {
  try {
    return execFileSync('script', ['--version']).toString().includes('util-linux')
  } catch {
    return false
  }
})()
const TERMINAL =
  hasScript && engine === 'direct' ? SCRATCH : onEngines([], 'needs a server of its own, and script of util-linux')

/** A statement that tries to command the terminal. */
const HOSTILE = `select pg_sleep(600) /* \u001b[2J\u001b]0;taken\u0007\u009b31m 日本語 */`
const ENTERED = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEFT = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l'

let server: ScratchServer

const until = async (what: string | (() => string), holds: () => boolean | Promise<boolean>) => {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${typeof what === 'string' ? what : what()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The command in a terminal of 80 columns and 24 rows, below a shell that tells the terminal's modes before, while stopped and after. */
class Session {
  readonly child: ChildProcess
  readonly files: { before: string; stopped: string; after: string; pid: string }
  output = ''

  constructor(name: string, url: string, options = '') {
    const file = (part: string) => join(directory, `${name}-${part}`)
    this.files = { before: file('before'), stopped: file('stopped'), after: file('after'), pid: file('pid') }
    const { before, stopped, after, pid } = this.files
    const command = `sh -c 'echo $$ > ${pid}; exec ${process.execPath} ${MAIN} top --interval 0.25 ${options} "$TOP_URL"'`
    const script = `set -m; stty cols 80 rows 24; stty -g > ${before}; ${command}; code=$?
      if [ $code -gt 140 ] && [ -n "$(jobs -s)" ]; then stty -g > ${stopped}; fg > /dev/null; code=$?; fi; stty -g > ${after}; echo "ended with $code"`
    const env = { ...process.env, TOP_URL: url, TERM: 'xterm-256color', SHELL: '/bin/bash', NO_COLOR: '' }
    this.child = spawn('script', ['-qfec', script, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
    this.child.stdout?.on('data', (data: Buffer) => {
      this.output += data.toString()
    })
    this.child.stdin?.on('error', () => {})
    afterFile(async () => void this.child.kill('SIGKILL'))
  }

  type(keys: string): void {
    this.child.stdin?.write(keys)
  }

  async sees(text: string): Promise<void> {
    await until(
      () => `${text} in ${JSON.stringify(this.output.slice(-3000))}`,
      () => this.output.includes(text),
    )
  }

  /** Waits for the text in what comes from now on. */
  async seesNext(text: string, keys: string): Promise<void> {
    const from = this.output.length
    this.type(keys)
    await until(
      () => `${text} after ${JSON.stringify(keys)} in ${JSON.stringify(this.output.slice(from).slice(-3000))}`,
      () => this.output.slice(from).includes(text),
    )
  }

  async pid(): Promise<number> {
    await until('its pid', async () => (await readFile(this.files.pid, 'utf8').catch(() => '')).trim() !== '')
    return Number(await readFile(this.files.pid, 'utf8'))
  }

  /** Waits for its end, and that the terminal is as it was before. */
  async ends(code: number): Promise<void> {
    await this.sees('ended with ')
    expect(this.output).toContain(`ended with ${code}`)
    expect(this.output.lastIndexOf(LEFT)).toBeGreaterThan(this.output.lastIndexOf(ENTERED))
    expect(await readFile(this.files.after, 'utf8')).toBe(await readFile(this.files.before, 'utf8'))
    // Between taking and giving back nothing but places, clearing and colours.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for
    const commands = [...this.output.matchAll(/\u001b(\[[0-?]*[ -/]*[@-~]|.)/g)].map(([, command]) => command)
    const known = /^\[(\d+;1H|K|J|2J|\d*m|\?(1049|25|7|2004)[hl])$/
    expect(commands.filter((command) => !known.test(command ?? ''))).toEqual([])
    expect(this.output).not.toContain('\u0007')
    expect(this.output).not.toMatch(/[\u0080-\u009f]/)
  }
}

TERMINAL.describe('pgfleet top', () => {
  beforeAll(async () => {
    server = await startServer(17, { settings: { fsync: 'off' } })
    const sleeper = await server.client()
    sleeper.query(HOSTILE).catch(() => {})
  })

  test.each(['text', 'json'])(
    'prints one look of a panel, where nobody looks or when asked to, as %s',
    async (format) => {
      for (const panel of format === 'text'
        ? (['overview', 'activity'] as const)
        : (['activity', 'queries'] as const)) {
        const parameters = [
          'top',
          server.url,
          '--panel',
          panel,
          '--interval',
          '0.25',
          ...(format === 'json' ? ['--json'] : []),
        ]
        const { code, stdout, stderr } = await runCli(directory, parameters)
        expect({ panel, code, stderr }).toEqual({ panel, code: 0, stderr: '' })
        // biome-ignore lint/suspicious/noControlCharactersInRegex: those may not be there
        expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
        if (format === 'text') expect(stdout).toMatch(new RegExp(`^${panel}: `))
        else
          expect(JSON.parse(stdout)).toMatchObject({
            panel,
            server: { inRecovery: false },
            rows: expect.any(Array),
            notes: expect.any(Array),
          })
        if (format === 'json' && panel === 'activity') expect(JSON.parse(stdout).rows[0].query).toBe(HOSTILE)
      }
    },
  )

  test('is drawn, obeys its keys, and leaves the terminal as it was', async () => {
    const session = new Session('keys', server.url, '--allow-cancel')
    await session.sees('[overview]')
    await session.sees('connections')
    await session.seesNext('pg_sleep(600)', 'a')
    await session.seesNext('session ', '\r')
    await session.sees('日本語')
    session.type('\u001b')
    await session.seesNext('any key goes back', '?')
    await session.seesNext('nobody waits', 'xl')
    for (const key of 'uwtbnigo') await session.seesNext('[', key)
    await session.seesNext('paused', 'p')
    await session.seesNext('every 0.5 s', 'p+')
    expect(session.output).toContain('␛[2J␛]0;taken␇')
    session.type('q')
    await session.ends(0)
  })

  test('cancels a statement when its pid is typed', async () => {
    const client = await server.client()
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const { pid } = rows[0] as { pid: number }
    const slept = client.query('select pg_sleep(601)').then(
      () => 'slept',
      (error: Error) => error.message,
    )
    const session = new Session('cancel', server.url, '--allow-cancel --panel activity')
    await session.sees('pg_sleep(601)')
    // Nothing shorter: a pid may have the figures, too.
    await session.seesNext('1 of ', '/sleep(601\r')
    await session.seesNext(`type ${pid}`, 'c')
    await session.seesNext('was cancelled', `${pid}\r`)
    expect(await slept).toMatch(/canceling statement due to user request/)
    // Ctrl-C ends it as a signal does.
    session.type('\u0003')
    await session.ends(130)
  })

  test('is stopped and continued by the shell, and ended by SIGTERM', async () => {
    const session = new Session('signals', server.url)
    await session.sees('connections')
    const pid = await session.pid()
    session.type('\u001a')
    await until(
      'it is stopped, and the terminal given back',
      async () => (await readFile(session.files.stopped, 'utf8').catch(() => '')) !== '',
    )
    expect(await readFile(session.files.stopped, 'utf8')).toBe(await readFile(session.files.before, 'utf8'))
    await until('it is drawn again', () => session.output.split(ENTERED).length === 3)
    await session.seesNext('[waits]', 'w')
    process.kill(pid, 'SIGTERM')
    await session.ends(130)
  })

  test('ends when its terminal is gone', async () => {
    const session = new Session('lost', server.url)
    await session.sees('connections')
    const pid = await session.pid()
    session.child.kill('SIGKILL')
    await until('it has ended', () => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    })
  })

  test('waits for a server that is restarted, and goes on', async () => {
    const session = new Session('restart', server.url)
    await session.sees('connections')
    await server.shutdown()
    await session.sees('reconnecting')
    await server.restart()
    await session.seesNext('every 0.25 s', '')
    session.type('q')
    await session.ends(0)
  })
})

test.each([
  [['--panel', 'nothing'], 'nothing'],
  [['--interval', '0'], 'A number from 0.25 to 60'],
  [['--once', '--allow-cancel'], 'live view only'],
  [['nonsense'], 'a url begins with postgres://'],
  [['postgres://someone:s3cret@127.0.0.1:1/x'], 'ECONNREFUSED'],
])('%j ends with 2 and says why', async (parameters, why) => {
  const { code, stdout, stderr } = await runCli(directory, ['top', ...parameters])
  expect(stderr).toContain(why)
  expect(stderr).not.toContain('s3cret')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})
