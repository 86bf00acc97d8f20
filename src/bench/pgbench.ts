import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FleetError } from '../errors.js'
import { type Contestant, type ContestantContent, shared, withFigures } from './contestant.js'
import { type PgbenchExit, pgbenchExecutable, pgbenchServer, runProgram } from './pgbench-command.js'
import { LOG_PREFIX, readPgbenchLogs, samplingRate } from './pgbench-log.js'
import { type PgbenchSummary, parsePgbenchOutput } from './pgbench-output.js'
import type { Outcome } from './sample.js'

/** A contestant whose work pgbench sends. */
export interface PgbenchContestantContent extends ContestantContent {
  /** The script: one statement, the same SQL as the rival's, with `\set` lines and `:variables` for its values. */
  readonly script: string
  /** The server; null (an embedded database) makes the contestant unavailable, which the report says. */
  readonly url: string | null
  /** Values of `:name` in the script. */
  readonly variables?: Readonly<Record<string, string | number>>
  /** The program. @default the environment variable PGBENCH, else `pgbench` on the PATH */
  readonly executable?: string
}

/**
 * Makes a contestant of a pgbench script: prepared statements, no vacuum, as many clients as our callers, and two threads
 * at most. It is warmed up by a run of its own; times are rounded up to whole seconds, which pgbench asks for.
 */
export function pgbenchContestant(content: PgbenchContestantContent): Contestant {
  return {
    ...shared(content),
    name: content.name,
    kind: 'pgbench',
    callers: content.callers,
    async run(context) {
      const outcome = await runPgbench(content, context)
      return 'sample' in outcome ? { sample: await withFigures(outcome.sample, content, context) } : outcome
    },
  }
}

/** How long pgbench is run. */
export interface PgbenchTimes {
  readonly durationMs: number
  readonly warmUpMs: number
  readonly signal: AbortSignal
}

/** Runs a script once, after a warm-up. The script and the log lie in a temporary folder that is removed at the end. */
export async function runPgbench(content: PgbenchContestantContent, times: PgbenchTimes): Promise<Outcome> {
  if (content.url === null) return { unavailable: 'pgbench needs a server, and this run has none it could reach' }
  const folder = await mkdtemp(join(tmpdir(), 'pgfleet-bench-'))
  try {
    await writeFile(join(folder, 'script.sql'), content.script)
    const expected =
      times.warmUpMs > 0 ? await attempt(content, content.url, folder, times.warmUpMs, null, times) : null
    if (expected !== null && 'unavailable' in expected) return expected
    const rate = samplingRate(expected && expected.tps > 0 ? (expected.tps * times.durationMs) / 1000 : null)
    const summary = await attempt(content, content.url, folder, times.durationMs, rate, times)
    if ('unavailable' in summary) return summary
    const { transactions, tps, failed } = summary
    if (transactions === 0) throw failure('pgbench ended no transaction in the time it was given.')
    const { latencies, zeroShare } = await readPgbenchLogs(folder)
    const itemsPerOperation = content.itemsPerOperation ?? 1
    return {
      sample: {
        operations: transactions,
        itemsPerOperation,
        seconds: tps === 0 ? times.durationMs / 1000 : transactions / tps,
        throughput: tps * itemsPerOperation,
        mean: summary.latencyAverageMs,
        ...(latencies ?? { p50: null, p95: null, p99: null, max: null }),
        errors: failed,
        firstError: failed === 0 ? null : 'pgbench counted failed transactions',
        rss: null,
        figures: zeroShare === null ? {} : { zeroLatencyShare: zeroShare },
      },
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** One run of the program; a log that cannot be opened where pgbench runs is done without. */
async function attempt(
  content: PgbenchContestantContent,
  url: string,
  folder: string,
  milliseconds: number,
  logRate: number | null,
  times: PgbenchTimes,
): Promise<PgbenchSummary | { unavailable: string }> {
  const seconds = Math.ceil(milliseconds / 1000)
  const server = pgbenchServer(url)
  const log =
    logRate === null ? [] : ['--log', `--log-prefix=${join(folder, LOG_PREFIX)}`, `--sampling-rate=${logRate}`]
  const signal = AbortSignal.any([times.signal, AbortSignal.timeout((seconds + 60) * 1000)])
  let exit: PgbenchExit
  try {
    const parameters = [...parametersOf(content, folder, seconds), ...log, server.url]
    exit = await runProgram(pgbenchExecutable(content.executable), parameters, server.password, signal)
  } catch (error) {
    if (error instanceof FleetError && !times.signal.aborted) throw failure('pgbench did not end in time.', error)
    if (error instanceof FleetError) throw error
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown'
    return { unavailable: `the program pgbench could not be started (${code}); set PGBENCH to its path` }
  }
  if (logRate !== null && /could not open log\s?file/.test(exit.stderr)) {
    return attempt(content, url, folder, milliseconds, null, times)
  }
  if (exit.status === 0) return parsePgbenchOutput(exit.stdout)
  const said = exit.stderr.trim().split('\n').slice(-5).join('\n')
  throw failure(`pgbench ended with status ${exit.status}: ${scrub(said, server.password)}`)
}

function parametersOf(content: PgbenchContestantContent, folder: string, seconds: number): string[] {
  const threads = Math.min(content.callers, 2)
  const variables = Object.entries(content.variables ?? {}).flatMap(([name, value]) => ['-D', `${name}=${value}`])
  const load = ['-c', String(content.callers), '-j', String(threads), '-T', String(seconds)]
  return ['-M', 'prepared', '-n', ...load, '-f', join(folder, 'script.sql'), ...variables]
}

function scrub(text: string, password: string | null): string {
  return password === null ? text : text.replaceAll(password, '***')
}

function failure(message: string, cause?: unknown): FleetError {
  const hint = 'Try the script by hand: pgbench -M prepared -n -T 1 -f script.sql, with the url of the same server.'
  return new FleetError('BENCH_FAILED', { message, hint, cause })
}
