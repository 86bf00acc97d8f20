import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Contestant, RoundContext } from '../../bench/contestant.js'
import type { Scenario } from '../../bench/scenario.js'
import type { BenchSubject } from '../../bench/scenarios/index.js'
import type { Target } from '../../bench/target.js'
import { FleetError } from '../../errors.js'
import { PANEL_IDS, type PanelId } from '../../top/panel.js'
import { type CrowdedDatabase, createCrowdedDatabase, TABLES } from './crowded-database.js'
import { processorTime } from './processor-time.js'

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
/** How often a panel is read unless told otherwise, in seconds. */
const INTERVAL = 2
/** Longest wait for the command to appear on the server, in milliseconds. */
const START_MS = 20_000

const nameOf = (panel: PanelId) => `top, panel ${panel}`

const share = (panel: PanelId): Target => ({
  id: panel,
  what: `of one core, client and server: panel ${panel}`,
  source: 'operator, speed',
  metric: { kind: 'median', of: 'figure.share', contestant: nameOf(panel) },
  op: '<=',
  value: 2,
  unit: '%',
})

/** What the live view costs, panel by panel: the command itself, in a terminal of its own. */
export const top: Scenario<BenchSubject, CrowdedDatabase | undefined> = {
  name: 'top',
  title: 'Live view: what each panel costs',
  description:
    `\`pgfleet top\` in a pseudo-terminal (util-linux' script) on a scratch database of ${TABLES} tables with five indexes each, and five statements of each in pg_stat_statements where that is there, at its interval of ${INTERVAL} s. ` +
    '`share` is the processor time of the command and of its session together in per cent of one core; one call is one reading. What is warmed up is the view: it is left open for long. ' +
    '`startShare` is the same of the warm-up, from the moment that the session is there.',
  options: { durationMs: 16_000, warmUpMs: 10_000, rounds: 1, callers: 1 },
  targets: [
    ...PANEL_IDS.map(share),
    {
      id: 'start',
      what: 'of one core, client and server: panel queries in its first ten seconds',
      source: 'operator, speed',
      metric: { kind: 'median', of: 'figure.startShare', contestant: nameOf('queries') },
      op: '<=',
      value: 2,
      unit: '%',
    },
  ],

  async setUp({ subject, progress, signal }) {
    return subject.url === null ? undefined : await createCrowdedDatabase(subject.url, progress, signal)
  },

  contestants(_, database) {
    return PANEL_IDS.map((panel) => contestant(panel, database))
  },

  async tearDown(_, database) {
    await database?.drop()
  },
}

function contestant(panel: PanelId, database: CrowdedDatabase | undefined): Contestant {
  return {
    name: nameOf(panel),
    kind: 'pgfleet',
    callers: 1,
    async run(context) {
      if (database === undefined) return { unavailable: 'the embedded database belongs to one process' }
      const measured = await measure(panel, database, context)
      if (typeof measured === 'string') return { unavailable: measured }
      const { milliseconds, commandMs, serverMs, startShare } = measured
      const readings = Math.max(1, Math.round(milliseconds / 1000 / INTERVAL))
      const seconds = milliseconds / 1000
      return {
        sample: {
          operations: readings,
          itemsPerOperation: 1,
          seconds,
          throughput: readings / seconds,
          mean: null,
          p50: null,
          p95: null,
          p99: null,
          max: null,
          errors: 0,
          firstError: null,
          rss: null,
          figures: {
            commandMs: commandMs / readings,
            serverMs: serverMs / readings,
            share: ((commandMs + serverMs) / milliseconds) * 100,
            ...(startShare === undefined ? {} : { startShare }),
          },
        },
      }
    },
  }
}

/** Runs the command, and reads what it and its session used; or says why that cannot be measured here. */
async function measure(
  panel: PanelId,
  database: CrowdedDatabase,
  { warmUpMs, durationMs, signal }: RoundContext,
): Promise<string | { milliseconds: number; commandMs: number; serverMs: number; startShare: number | undefined }> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  // The url by the environment: its password is nobody's to see.
  const command = `echo $$; exec "${process.execPath}" "${MAIN}" top --panel ${panel} --interval ${INTERVAL}`
  const child = spawn('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], {
    env: { ...process.env, DATABASE_URL: database.url, TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  try {
    const pid = await firstNumber(child)
    if (pid === undefined) return 'there is no program `script` (util-linux) that makes a terminal'
    const session = await sessionOf(client)
    const times = async () => ({
      at: performance.now(),
      command: await processorTime(pid),
      server: await processorTime(session),
    })
    const began = await times()
    await sleep(warmUpMs / 2, undefined, { signal })
    await database.stir()
    await sleep(warmUpMs / 2, undefined, { signal })
    const before = await times()
    await database.stir()
    await sleep(durationMs / 2, undefined, { signal })
    await database.stir()
    await sleep(durationMs / 2, undefined, { signal })
    const after = await times()
    if (before.command === undefined || after.command === undefined) return 'this system does not tell processor times'
    if (before.server === undefined || after.server === undefined) return 'the server is on another machine'
    // All that the session has used since it was made.
    const used = before.command - (began.command ?? 0) + before.server
    return {
      milliseconds: after.at - before.at,
      commandMs: after.command - before.command,
      serverMs: after.server - before.server,
      startShare: warmUpMs > 0 ? (used / (before.at - began.at)) * 100 : undefined,
    }
  } finally {
    child.kill('SIGTERM')
    await client.end()
  }
}

/** The first line that the command writes, as a number; undefined when it cannot be run. */
function firstNumber(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = ''
    child.once('error', () => resolve(undefined))
    child.once('exit', () => resolve(undefined))
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      // What follows is drawn, and nobody reads it.
      if (text.includes('\n')) return
      text += more
      const [, number] = /^(\d+)\r?\n/.exec(text) ?? []
      if (number !== undefined) resolve(Number(number))
    })
  })
}

async function sessionOf(client: pg.Client): Promise<number> {
  for (const until = performance.now() + START_MS; performance.now() < until; await sleep(20)) {
    const { rows } = await client.query<{ pid: number }>(
      `select a.pid from pg_stat_activity a where a.datname = current_database() and a.application_name = 'pgfleet top' limit 1`,
    )
    if (rows[0] !== undefined) return rows[0].pid
  }
  throw new FleetError('BENCH_FAILED', { message: 'pgfleet top did not come to the server' })
}
