import { FleetError } from '../errors.js'

/** What pgbench prints at its end. */
export interface PgbenchSummary {
  /** Transactions that succeeded. */
  readonly transactions: number
  /** Transactions that failed (serialization, deadlock) for good; 0 where the version does not count them. */
  readonly failed: number
  /** Transactions per second, without the time to connect. */
  readonly tps: number
  readonly latencyAverageMs: number
}

/** Reads the summary of pgbench 14 and newer (13 printed two rates). Anything else is BENCH_FAILED. */
export function parsePgbenchOutput(output: string): PgbenchSummary {
  const transactions = numberIn(output, /^number of transactions actually processed: (\d+)/m)
  const tps = numberIn(
    output,
    /^tps = ([\d.]+)(?: \((?:without initial connection time|including reconnection times)\))?$/m,
  )
  const latencyAverageMs = numberIn(output, /^latency average = ([\d.]+) ms/m)
  // Many clients may take all of a short run to connect: it then prints no rate.
  if (transactions === 0) return { transactions, tps: 0, latencyAverageMs: 0, failed: 0 }
  if (transactions === null || tps === null || latencyAverageMs === null) {
    throw new FleetError('BENCH_FAILED', {
      message: 'The output of pgbench was not understood: it has no tps, latency average or number of transactions.',
      hint: 'Use pgbench of PostgreSQL 14 or newer, and a run long enough for one transaction.',
      details: { output: output.slice(0, 2_000) },
    })
  }
  return {
    transactions,
    tps,
    latencyAverageMs,
    failed: numberIn(output, /^number of failed transactions: (\d+)/m) ?? 0,
  }
}

function numberIn(output: string, pattern: RegExp): number | null {
  const found = pattern.exec(output)?.[1]
  return found === undefined ? null : Number(found)
}
