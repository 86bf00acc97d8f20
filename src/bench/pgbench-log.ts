import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createLatencyHistogram, type Latencies } from './histogram.js'

/** The beginning of the names of the log files in their folder. */
export const LOG_PREFIX = 'transactions'

/** About as many transactions are logged as this: enough for a p99 from 200 values, too few to slow the run. */
const LOG_LINES = 20_000

/** The share of transactions to log, for a run that will make about so many; 0.1 when nothing is known. */
export function samplingRate(transactions: number | null): number {
  if (transactions === null) return 0.1
  return Math.min(1, Math.max(0.001, LOG_LINES / Math.max(1, transactions)))
}

/** What the log of a run tells. */
export interface PgbenchLog {
  /** Null when there is no log to be read, or its clock cannot be believed; `max` is that of the logged ones. */
  readonly latencies: Latencies | null
  /** The share of logged transactions whose latency is said to be nothing, 0 to 1; null without a log. */
  readonly zeroShare: number | null
}

/**
 * With more zeros than this the percentiles are left out. pgbench reads its clock once for each turn of a client; where
 * the server answers before the client has gone to wait, the transaction begins and ends at one reading. On two cores and
 * a statement of microseconds that is most of them (98 % of `select 1` with 2 clients), and the rest is too long for it.
 */
const ZERO_SHARE_MAX = 0.01

/** Reads the logs in the folder. There is none to be read where pgbench runs in a container with its own files. */
export async function readPgbenchLogs(folder: string): Promise<PgbenchLog> {
  const histogram = createLatencyHistogram()
  let zeros = 0
  try {
    for (const name of await readdir(folder)) {
      if (!name.startsWith(`${LOG_PREFIX}.`)) continue
      for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
        const milliseconds = parseLogLine(line)
        if (milliseconds === null) continue
        histogram.record(milliseconds)
        if (milliseconds === 0) zeros += 1
      }
    }
    if (histogram.count() === 0) return { latencies: null, zeroShare: null }
    const zeroShare = zeros / histogram.count()
    return { latencies: zeroShare > ZERO_SHARE_MAX ? null : histogram.latencies(), zeroShare }
  } catch (error) {
    if (isUnreadable(error)) return { latencies: null, zeroShare: null }
    throw error
  } finally {
    histogram.release()
  }
}

/** The latency in a line "client transaction time script epoch microseconds"; null for failed and skipped ones. */
export function parseLogLine(line: string): number | null {
  const microseconds = line.split(' ')[2]
  return microseconds !== undefined && /^\d+$/.test(microseconds) ? Number(microseconds) / 1000 : null
}

function isUnreadable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOENT', 'EACCES', 'EPERM'].includes(String(error.code))
}
