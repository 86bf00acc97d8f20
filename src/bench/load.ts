import { setImmediate as nextTurn } from 'node:timers/promises'
import { FleetError } from '../errors.js'
import { abortedError } from './abort.js'

/** One call of the load. `caller` is 0 to callers - 1; the signal fires when the load is ended early. */
export type Operation = (caller: number, signal: AbortSignal) => Promise<unknown>

/** How callers load the system; see MeasureOptions for the public description of each field. */
export interface LoadOptions {
  readonly callers: number
  readonly milliseconds: number
  readonly errorsMax: number
  readonly overtimeMs: number
  readonly signal: AbortSignal | undefined
  /** Told the latency of each successful call, in milliseconds. */
  record(latencyMs: number): void
}

/** What the callers did together. */
export interface Tally {
  operations: number
  errors: number
  firstError: unknown
}

/** After so many calls a caller lets timers and sockets have a turn: calls that never wait would starve them. */
const TURN_OPERATIONS = 4096

/** How long calls in flight may take to end after an abort, so that nothing is torn down under them. */
const ABORT_GRACE_MS = 2_000

/** Lets all callers run for the given time, bounded by the overtime and the signal; throws when nothing succeeded. */
export async function load(operation: Operation, options: LoadOptions): Promise<Tally> {
  const { callers, milliseconds, overtimeMs, signal } = options
  const end = new AbortController()
  const tally: Tally = { operations: 0, errors: 0, firstError: undefined }
  const onAbort = () => signal && end.abort(abortedError(signal))
  const timer = setTimeout(() => end.abort(overtimeError(overtimeMs)), milliseconds + overtimeMs)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  try {
    const deadline = performance.now() + milliseconds
    const all = Array.from({ length: callers }, (_, caller) => repeat(operation, caller, deadline, options, tally, end))
    await untilDone(all, end.signal)
    if (tally.operations === 0 && tally.errors > 0) throw tooManyErrors(tally)
    return tally
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** One caller: call after call until the deadline. The clock is read once for each: an end is the next call's start. */
async function repeat(
  operation: Operation,
  caller: number,
  deadline: number,
  options: LoadOptions,
  tally: Tally,
  end: AbortController,
): Promise<void> {
  let start = performance.now()
  let untilTurn = TURN_OPERATIONS
  while (!end.signal.aborted) {
    try {
      await operation(caller, end.signal)
      const now = performance.now()
      options.record(now - start)
      tally.operations += 1
      start = now
    } catch (error) {
      if (end.signal.aborted) return
      tally.firstError ??= error
      tally.errors += 1
      if (tally.errors > options.errorsMax) return end.abort(tooManyErrors(tally))
      untilTurn = 1
    }
    untilTurn -= 1
    if (untilTurn === 0) {
      await nextTurn()
      untilTurn = TURN_OPERATIONS
      start = performance.now()
    }
    if (start >= deadline) return
  }
}

/** Waits for all callers; after an abort for a bounded while only, then throws the abort's reason. */
async function untilDone(callers: readonly Promise<void>[], signal: AbortSignal): Promise<void> {
  let grace: NodeJS.Timeout | undefined
  const graceOver = new Promise<void>((resolve) => {
    const begin = () => {
      grace = setTimeout(resolve, ABORT_GRACE_MS)
    }
    if (signal.aborted) begin()
    else signal.addEventListener('abort', begin, { once: true })
  })
  await Promise.race([Promise.allSettled(callers), graceOver])
  clearTimeout(grace)
  if (signal.aborted) throw signal.reason
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function overtimeError(overtimeMs: number): FleetError {
  return new FleetError('BENCH_FAILED', {
    message: `A call of the load had not ended ${overtimeMs} ms after the measure's time was up.`,
    hint: 'Look for a lock or a lost connection, or raise overtimeMs.',
  })
}

function tooManyErrors(tally: Tally): FleetError {
  const { errors, operations, firstError } = tally
  return new FleetError('BENCH_FAILED', {
    message: `${errors} calls of the load failed, ${operations} succeeded; the first: ${messageOf(firstError)}`,
    hint: 'A benchmark of failing calls measures nothing: repair the cause, or raise errorsMax where failures belong to it.',
    cause: firstError,
  })
}
