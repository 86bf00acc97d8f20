import type { Json } from '../../../content.js'
import { isFleetError } from '../../../errors.js'
import type { EndedJob, Job, Jobs } from './jobs.js'

/** A job in the hands of its handler. */
export interface RunningJob extends Job {
  /** Fires when the lease is lost, the attempt has taken too long, or the worker is to stop: what is done then counts for nothing. */
  readonly signal: AbortSignal
}

/** Does the work of a task; what it returns or resolves to (JSON, or nothing) is the task's result, what it throws fails the attempt. */
export type Handler = (job: RunningJob) => unknown

/** Handlers by type of task. */
export type Handlers = Readonly<Record<string, Handler>>

/** Thrown by a handler: fails the attempt in a way of its own. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure'
  /** False fails the task for good. */
  readonly retry: boolean
  /** Wait before the next attempt, instead of the task's own. */
  readonly delayMs: number | undefined

  constructor(message: string, { retry = true, delayMs }: { retry?: boolean; delayMs?: number } = {}) {
    super(message)
    this.retry = retry
    this.delayMs = delayMs
  }
}

/** What became of a job: as the database says, or `lost` when somebody else has it now. */
export type Execution = EndedJob['status'] | 'lost'

/**
 * Runs one leased job: calls its handler, renews the lease three times as often as it needs to be, and gives it back with the outcome. A
 * fired signal gives the job back as if it had not been claimed, once its handler has ended. Rejects when the database
 * cannot be reached; the lease then runs out by itself.
 */
export async function execute(
  jobs: Jobs,
  job: Job,
  handler: Handler,
  { leaseMs, signal }: { leaseMs: number; signal: AbortSignal },
): Promise<Execution> {
  const lost = new AbortController()
  const both = AbortSignal.any([lost.signal, signal])
  let isBeating = false
  const beat = async () => {
    if (isBeating || lost.signal.aborted) return
    isBeating = true
    try {
      await jobs.heartbeat(job, { leaseMs })
    } catch (error) {
      // Anything else passes by the next beat, or the lease runs out and then is lost.
      if (isLost(error)) lost.abort(error)
    } finally {
      isBeating = false
    }
  }
  const heart = setInterval(beat, Math.max(30, leaseMs / 3))
  const limit =
    job.timeoutAt === null
      ? undefined
      : setTimeout(
          () => lost.abort(new Error('the task took longer than its time-out')),
          Math.min(2 ** 31 - 1, Math.max(0, job.timeoutAt.getTime() - Date.now())),
        )
  try {
    const outcome = await settle(handler, { ...job, signal: both })
    const { workflowId, number, lease } = job
    const held = { workflowId, number, lease }
    if ('error' in outcome) {
      if (signal.aborted && !lost.signal.aborted) return (await jobs.release(held)).status
      return (await jobs.fail({ ...held, ...outcome })).status
    }
    return (await jobs.complete({ ...held, result: outcome.result })).status
  } catch (error) {
    if (isLost(error)) return 'lost'
    // The result is no JSON, or too long: that is the handler's failure.
    if (!isFleetError(error) || error.code !== 'INPUT_INVALID') throw error
    const { workflowId, number, lease } = job
    return (await jobs.fail({ workflowId, number, lease, error: error.message.slice(0, 10_000), retry: false })).status
  } finally {
    clearInterval(heart)
    clearTimeout(limit)
  }
}

/** What a handler came to, as the arguments of complete or fail. */
async function settle(
  handler: Handler,
  job: RunningJob,
): Promise<{ result: Json } | { error: string; retry: boolean; delayMs?: number }> {
  try {
    return { result: ((await handler(job)) ?? null) as Json }
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error))
      .replaceAll('\0', '')
      .toWellFormed()
      .slice(0, 10_000)
    const { retry, delayMs } = error instanceof JobFailure ? error : { retry: true, delayMs: undefined }
    return { error: message || 'failed', retry, ...(delayMs === undefined ? {} : { delayMs }) }
  }
}

function isLost(error: unknown): boolean {
  return isFleetError(error) && error.code === 'LEASE_LOST'
}

/** Own members only: a type may be called "toString". */
export function handlerOf(handlers: Handlers, type: string): Handler | undefined {
  return Object.hasOwn(handlers, type) ? handlers[type] : undefined
}
