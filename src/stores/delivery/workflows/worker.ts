import { hostname } from 'node:os'
import { z } from 'zod'
import { check, text } from '../../../input.js'
import { Pause } from '../../../pause.js'
import { execute, type Handler, type Handlers, handlerOf } from './execution.js'
import type { Jobs } from './jobs.js'

/** What a worker asks of a fleet. */
export interface WorkerFleet {
  tenant(id: string): { readonly delivery: { readonly jobs: Jobs } }
}

/** How a worker works. */
export interface WorkerOptions {
  /** Whose jobs it runs, in turn; a function is asked anew every round. */
  readonly tenants: readonly string[] | (() => readonly string[] | Promise<readonly string[]>)
  /** What it does, by type of task; it claims no others. */
  readonly handlers: Handlers
  /** Jobs at once, 1 to 1,000. @default 10 */
  readonly concurrency?: number
  /** 100 ms to a day: how soon others get its jobs when it dies. @default 30_000 */
  readonly leaseMs?: number
  /** Longest wait before it asks again when there was nothing to do: 1 ms to a minute. @default 1_000 */
  readonly pollMs?: number
  /** Shown with the tasks; 1 to 200 characters. @default host and process */
  readonly name?: string
  /** Told what went wrong between the worker and the database; the worker goes on. @default nothing is told */
  readonly onError?: (error: unknown) => void
}

/** A loop that claims and runs jobs. */
export interface Worker {
  /** Begins; harmless to repeat. */
  start(): void
  /**
   * Claims no more, and waits until the jobs in hand have ended. After `timeoutMs` their signals fire, and what they have
   * not completed is given back. Harmless to repeat. @default timeoutMs no limit
   */
  stop(options?: { timeoutMs?: number }): Promise<void>
  /** Jobs in hand. */
  readonly active: number
}

const workerOptions = z.strictObject({
  tenants: z.union([
    z.array(text(1, 63)).min(1),
    z.custom<() => readonly string[]>((value) => typeof value === 'function'),
  ]),
  handlers: z.custom<Handlers>(
    (value) => typeof value === 'object' && value !== null && Object.keys(value).length > 0,
    'has no handler',
  ),
  concurrency: z.int().min(1).max(1000).default(10),
  leaseMs: z.int().min(100).max(86_400_000).default(30_000),
  pollMs: z.int().min(1).max(60_000).default(1000),
  name: text(1, 200).optional(),
  onError: z.custom<(error: unknown) => void>((value) => typeof value === 'function').optional(),
})

/**
 * Makes a worker for many tenants. Each round asks every tenant, each inside itself, for its share of the free hands,
 * beginning with another one each time: a tenant with a million jobs keeps nobody waiting longer than one job takes.
 * Errors: INPUT_INVALID.
 */
export function createWorker(fleet: WorkerFleet, options: WorkerOptions): Worker {
  const { tenants, handlers, concurrency, leaseMs, pollMs, onError, name } = check('options', workerOptions, options)
  const worker = name ?? `${hostname().slice(0, 150)}-${process.pid}`
  const types = Object.keys(handlers)
  const running = new Set<Promise<unknown>>()
  const pause = new Pause()
  const abandon = new AbortController()
  let first = 0
  let isStopping = false
  let loop: Promise<void> | undefined

  const begin = (jobs: Jobs, job: Parameters<typeof execute>[1]) => {
    const work = execute(jobs, job, handlerOf(handlers, job.type) as Handler, { leaseMs, signal: abandon.signal })
      .catch((error: unknown) => onError?.(error))
      .finally(() => {
        running.delete(work)
        pause.end()
      })
    running.add(work)
  }

  /** How many jobs were claimed of all tenants. */
  const claim = async (): Promise<number> => {
    const ids = typeof tenants === 'function' ? await tenants() : tenants
    first++
    let claimed = 0
    for (let i = 0; i < ids.length && !isStopping; i++) {
      const free = concurrency - running.size
      if (free <= 0) break
      const { jobs } = fleet.tenant(ids[(first + i) % ids.length] as string).delivery
      try {
        const got = await jobs.claim(worker, { types, limit: Math.ceil(free / (ids.length - i)), leaseMs })
        for (const job of got) begin(jobs, job)
        claimed += got.length
      } catch (error) {
        // One tenant's trouble is not the others'.
        onError?.(error)
      }
    }
    return claimed
  }

  const run = async () => {
    let waitMs = 1
    while (!isStopping) {
      let claimed = 0
      try {
        if (running.size < concurrency) claimed = await claim()
      } catch (error) {
        onError?.(error)
      }
      if (claimed > 0 && running.size < concurrency) {
        waitMs = 1
        continue
      }
      if (isStopping) break
      waitMs = (await pause.begin(running.size < concurrency ? waitMs : pollMs)) ? 1 : Math.min(waitMs * 2, pollMs)
    }
  }

  return {
    start() {
      if (!isStopping) loop ??= run()
    },
    async stop({ timeoutMs } = {}) {
      isStopping = true
      pause.end()
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => abandon.abort(new Error('the worker stops')), timeoutMs)
      await loop
      while (running.size > 0) await Promise.allSettled(running)
      clearTimeout(timer)
    },
    get active() {
      return running.size
    },
  }
}
