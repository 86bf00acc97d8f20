import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError } from '../errors.js'
import { throwIfAborted } from './abort.js'
import { createLatencyHistogram, type Latencies, type LatencyHistogram } from './histogram.js'
import { messageOf } from './load.js'
import { watchMemory } from './memory.js'

/** One kind of call of an open loop. */
export interface Arrival {
  readonly name: string
  /** How often it comes, beside the others: a whole number from 1. */
  readonly share: number
  readonly operation: (signal: AbortSignal) => Promise<unknown>
}

/** How calls arrive. */
export interface OpenLoopOptions {
  /** Calls of all kinds together that arrive in a second, evenly; whether the ones before have ended or not. */
  readonly rate: number
  readonly durationMs: number
  /** How long calls arrive before that and are not counted, in milliseconds. @default 0 */
  readonly warmUpMs?: number
  /** How long the last calls may take beyond the end, in milliseconds, before the measure fails. @default 60_000 */
  readonly overtimeMs?: number
  readonly signal?: AbortSignal
}

/** What came of the calls of one kind. Latencies count from when the call was to start, in milliseconds. */
export interface ArrivalResult {
  readonly name: string
  readonly operations: number
  readonly latencies: Latencies | null
}

/** What came of an open loop. */
export interface OpenLoopResult {
  readonly seconds: number
  readonly operations: number
  /** Of all calls. */
  readonly latencies: Latencies | null
  readonly kinds: readonly ArrivalResult[]
  readonly errors: number
  readonly firstError: string | null
  /** Most calls under way at once. */
  readonly inFlightMax: number
  /** Greatest resident memory of this process, in MB (10^6 bytes). */
  readonly rss: number
}

/**
 * Lets calls arrive at a rate, and measures each from the moment at which it was to start: unlike in a closed loop, a server
 * that stalls is charged for every call that had to wait (Gil Tene's "coordinated omission"). Kinds come in a fixed order
 * in proportion to their shares. Errors: ABORTED, BENCH_FAILED when calls do not end.
 */
export async function openLoop(arrivals: readonly Arrival[], options: OpenLoopOptions): Promise<OpenLoopResult> {
  const { rate, durationMs, warmUpMs = 0, overtimeMs = 60_000 } = options
  const signal = options.signal ?? new AbortController().signal
  throwIfAborted(signal)
  const order = orderOf(arrivals)
  const histograms = new Map(arrivals.map(({ name }) => [name, createLatencyHistogram()]))
  const all = createLatencyHistogram()
  const memory = watchMemory()
  let [errors, inFlight, inFlightMax] = [0, 0, 0]
  let firstError: unknown
  const began = performance.now()
  const first = Math.ceil((warmUpMs * rate) / 1000)
  const total = first + Math.ceil((durationMs * rate) / 1000)

  const arrive = async (n: number) => {
    const { name, operation } = order[n % order.length] as Arrival
    const due = began + (n * 1000) / rate
    inFlightMax = Math.max(inFlightMax, ++inFlight)
    try {
      await operation(signal)
      if (n >= first) for (const histogram of [all, histograms.get(name)]) histogram?.record(performance.now() - due)
    } catch (error) {
      firstError ??= error
      errors++
    } finally {
      inFlight--
    }
  }
  try {
    for (let n = 0; n < total; ) {
      throwIfAborted(signal)
      const due = Math.min(total, Math.floor(((performance.now() - began) * rate) / 1000) + 1)
      while (n < due) void arrive(n++)
      await sleep(1)
    }
    const seconds = durationMs / 1000
    for (const end = performance.now() + overtimeMs; inFlight > 0; await sleep(1)) {
      throwIfAborted(signal)
      if (performance.now() > end) {
        throw new FleetError('BENCH_FAILED', {
          message: `${inFlight} calls of the open loop had not ended ${overtimeMs} ms after the last had arrived.`,
          hint: 'The rate is more than the server can do; lower it, or look for a lock.',
        })
      }
    }
    const kinds = [...histograms].map(([name, histogram]) => ({
      name,
      operations: histogram.count(),
      latencies: histogram.latencies(),
    }))
    return {
      seconds,
      operations: all.count(),
      latencies: all.latencies(),
      kinds,
      errors,
      firstError: errors === 0 ? null : messageOf(firstError),
      inFlightMax,
      rss: memory.stop(),
    }
  } finally {
    memory.stop()
    for (const histogram of [all, ...histograms.values()] as LatencyHistogram[]) histogram.release()
  }
}

/** The kinds one behind the other, each as often as its share says, spread evenly (largest remainder at each place). */
function orderOf(arrivals: readonly Arrival[]): Arrival[] {
  const total = arrivals.reduce((sum, { share }) => sum + share, 0)
  const owed = arrivals.map(() => 0)
  return Array.from({ length: total }, () => {
    for (const [i, { share }] of arrivals.entries()) owed[i] = (owed[i] as number) + share
    const next = owed.indexOf(Math.max(...owed))
    owed[next] = (owed[next] as number) - total
    return arrivals[next] as Arrival
  })
}
