import { z } from 'zod'
import type { Json } from '../../../content.js'
import type { Session } from '../../../database/session.js'
import { FleetError, isFleetError } from '../../../errors.js'
import type { Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { Pause } from '../../../pause.js'
import { checkWorkflows, encodeWorkflow, type NewWorkflow } from './definition.js'
import { execute, type Handler, type Handlers, handlerOf } from './execution.js'
import { claimChannels, type Jobs } from './jobs.js'
import type { WorkflowWithTasks } from './workflow.js'
import { CREATE, GET } from './workflow-operations.js'
import type { Transition } from './workflows.js'

/** How a workflow is run in this process. */
export interface RunOptions {
  /** Tasks at once, 1 to 1,000. @default 4 */
  readonly concurrency?: number
  /** How soon another call with the same id may take over from a process that died: 100 ms to a day. @default 30_000 */
  readonly leaseMs?: number
  /** Longest wait between two looks for tasks whose delay has passed: 1 ms to a minute. @default 1_000 */
  readonly pollMs?: number
  /** Cancels the workflow. */
  readonly signal?: AbortSignal
}

/** How a workflow ended. */
export interface RunResult {
  readonly workflow: WorkflowWithTasks
  /** Results of the completed tasks, by name. */
  readonly results: Readonly<Record<string, Json>>
  /** Errors of the failed tasks, by name. */
  readonly errors: Readonly<Record<string, string>>
}

const runOptions = z.strictObject({
  concurrency: z.int().min(1).max(1000).default(4),
  leaseMs: z.int().min(100).max(86_400_000).default(30_000),
  pollMs: z.int().min(1).max(60_000).default(1000),
  signal: z.instanceof(AbortSignal).optional(),
})

/** What a run needs. */
export interface Run {
  readonly session: Session
  readonly identity: Identity
  readonly jobs: Jobs
  readonly workflow: NewWorkflow
  readonly handlers: Handlers
  readonly options: RunOptions
  readonly cancel: Transition
}

/** Runs a workflow to its end; see Workflows.run. */
export async function runWorkflow({
  session,
  identity,
  jobs,
  workflow,
  handlers,
  options,
  cancel,
}: Run): Promise<RunResult> {
  const { concurrency, leaseMs, pollMs, signal } = check('options', runOptions, options)
  const [definition] = checkWorkflows([workflow])
  if (definition === undefined) throw new Error('one workflow was checked')
  const missing = definition.tasks.findIndex(
    ({ name, type }) => typeof handlerOf(handlers, type ?? name.slice(0, 100)) !== 'function',
  )
  if (missing >= 0) {
    const field = `workflows[0].tasks[${missing}].type`
    throw new FleetError('INPUT_INVALID', { message: `${field}: there is no handler of that type`, field })
  }
  const { id, text: item } = encodeWorkflow({ ...definition, start: true }, 0, identity, true)
  const [created] = await session.submit(CREATE, [item], signal && { signal })
  const worker = check('worker', text(1, 200), `run-${process.pid}`)
  const stop = new AbortController()
  const running = new Set<Promise<unknown>>()
  const pause = new Pause()
  let failure: unknown
  const onAbort = () => pause.end()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    let status = created?.status
    let waitMs = 1
    while (
      (status === 'running' || status === 'paused' || status === 'pending') &&
      !signal?.aborted &&
      failure === undefined
    ) {
      const free = concurrency - running.size
      const claimed = free > 0 ? await claimChannels(session, identity, worker, [id], free, leaseMs) : []
      for (const job of claimed) {
        const work = execute(jobs, job, handlerOf(handlers, job.type) as Handler, { leaseMs, signal: stop.signal })
          .catch((error: unknown) => {
            failure ??= error
          })
          .finally(() => {
            running.delete(work)
            pause.end()
          })
        running.add(work)
      }
      if (claimed.length > 0) {
        waitMs = 1
        continue
      }
      // Ends early when a task does: what waited for it may be ready.
      if (await pause.begin(waitMs)) waitMs = 1
      else waitMs = Math.min(waitMs * 2, pollMs)
      if (running.size < concurrency) status = (await read(session, id))?.status
    }
    // Cancelled before the handlers are told, so that none of them can complete it meanwhile.
    if (signal?.aborted && (await cancelled(cancel, id))) {
      throw new FleetError('ABORTED', {
        message: `the run of workflow ${id} was aborted; it was cancelled`,
        cause: signal.reason,
      })
    }
    if (failure !== undefined) throw failure
  } finally {
    signal?.removeEventListener('abort', onAbort)
    stop.abort()
    await Promise.allSettled(running)
  }
  const ended = await read(session, id)
  if (ended === undefined) throw new FleetError('WORKFLOW_UNKNOWN', { message: `there is no workflow ${id}` })
  return {
    workflow: ended,
    results: Object.fromEntries(
      ended.tasks.flatMap(({ name, status, result }) => (status === 'completed' ? [[name, result]] : [])),
    ),
    errors: Object.fromEntries(
      ended.tasks.flatMap(({ name, status, error }) => (status === 'failed' ? [[name, error ?? '']] : [])),
    ),
  }
}

/** False when it had ended by itself. */
async function cancelled(cancel: Transition, id: string): Promise<boolean> {
  try {
    await cancel(id, { reason: 'the caller aborted the run' })
    return true
  } catch (error) {
    if (isFleetError(error) && error.code === 'WORKFLOW_TRANSITION_ILLEGAL') return false
    throw error
  }
}

async function read(session: Session, id: string): Promise<WorkflowWithTasks | undefined> {
  return (await session.submit(GET, [JSON.stringify({ id })], { consistency: 'latest' }))[0]
}
