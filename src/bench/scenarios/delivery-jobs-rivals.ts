import type { Contestant, RoundContext } from '../contestant.js'
import { createLatencyHistogram } from '../histogram.js'

/** A queue of another package, as the scenario needs it. */
export interface RivalQueue {
  /** Empties the queue, fills it with so many jobs that do nothing, and vacuums and analyzes it, as is done with our own tables. */
  fill(jobs: number): Promise<void>
  /** Runs what is in the queue with so many workers, so many jobs at a time; resolves when as many jobs have run. */
  work(jobs: number, workers: number, size: number): Promise<void>
  close(): Promise<void>
}

/** The parts of graphile-worker that are used. */
interface GraphileWorker {
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>
    release(): Promise<void>
    withPgClient<T>(
      work: (client: { query(text: string, values?: unknown[]): Promise<unknown> }) => Promise<T>,
    ): Promise<T>
  }>
  run(options: object): Promise<{ stop(): Promise<void> }>
  Logger: new (factory: () => () => void) => unknown
}

/** The parts of pg-boss 10 that are used. */
interface PgBoss {
  start(): Promise<unknown>
  stop(options?: object): Promise<void>
  createQueue(name: string): Promise<void>
  purgeQueue(name: string): Promise<void>
  getDb(): { executeSql(text: string, values: unknown[]): Promise<unknown> }
  insert(jobs: readonly object[]): Promise<unknown>
  fetch(name: string, options: object): Promise<readonly { readonly id: string }[]>
  complete(name: string, ids: readonly string[]): Promise<unknown>
}

// Not named in an import: the packages are no dependencies of this one.
const load = async (name: string): Promise<Record<string, unknown>> => (await import(name)) as Record<string, unknown>
const QUEUE = 'bench'

export async function openGraphileWorker(connectionString: string): Promise<RivalQueue> {
  const loaded = await load('graphile-worker')
  const { makeWorkerUtils, run, Logger } = (loaded.default ?? loaded) as unknown as GraphileWorker
  const logger = new Logger(() => () => {})
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  return {
    async fill(jobs) {
      await utils.withPgClient(async (client) => {
        await client.query('truncate graphile_worker._private_jobs')
        await client.query(
          `select count(*) from graphile_worker.add_jobs(array(
            select row('${QUEUE}', '{"n": 1}'::json, null, null, null, null, null, null)::graphile_worker.job_spec from generate_series(1, $1::integer)))`,
          [jobs],
        )
        await client.query('vacuum (analyze) graphile_worker._private_jobs')
      })
    },
    async work(jobs, workers, size) {
      let left = jobs
      let end = () => {}
      const done = new Promise<void>((resolve) => {
        end = resolve
      })
      const task = async () => {
        if (--left === 0) end()
      }
      const worker = {
        concurrentJobs: workers,
        maxPoolSize: 10,
        pollInterval: 100,
        ...(size > 1 ? { localQueue: { size }, completeJobBatchDelay: 0 } : {}),
      }
      const runner = await run({
        connectionString,
        logger,
        noHandleSignals: true,
        taskList: { [QUEUE]: task },
        preset: { worker },
      })
      await done
      await runner.stop()
    },
    close: () => utils.release(),
  }
}

export async function openPgBoss(connectionString: string): Promise<RivalQueue> {
  const loaded = await load('pg-boss')
  const Boss = (loaded.PgBoss ?? loaded.default) as new (options: object) => PgBoss
  const boss = new Boss({ connectionString, max: 10, supervise: false, schedule: false })
  await boss.start()
  await boss.createQueue(QUEUE)
  return {
    async fill(jobs) {
      await boss.purgeQueue(QUEUE)
      for (let i = 0; i < jobs; i += 1000) {
        await boss.insert(Array.from({ length: Math.min(1000, jobs - i) }, () => ({ name: QUEUE, data: { n: 1 } })))
      }
      await boss.getDb().executeSql('vacuum (analyze) pgboss.job', [])
    },
    async work(jobs, workers, size) {
      let left = jobs
      const one = async () => {
        while (left > 0) {
          const got = await boss.fetch(QUEUE, { batchSize: size })
          if (got.length === 0) return
          await boss.complete(
            QUEUE,
            got.map(({ id }) => id),
          )
          left -= got.length
        }
      }
      await Promise.all(Array.from({ length: workers }, one))
    },
    close: () => boss.stop({ graceful: false }),
  }
}

/** A contestant that runs a queue of another package to its end; one that is not installed says so. */
export function rivalContestant(content: {
  readonly name: string
  readonly jobs: number
  readonly workers: number
  readonly size: number
  open(): Promise<RivalQueue | { readonly unavailable: string }>
}): Contestant {
  const { name, jobs, workers, size, open } = content
  return {
    name,
    kind: 'pgfleet',
    callers: workers,
    async run(_: RoundContext) {
      const queue = await open()
      if ('unavailable' in queue) return queue
      await queue.fill(jobs)
      const histogram = createLatencyHistogram()
      const started = performance.now()
      await queue.work(jobs, workers, size)
      const seconds = (performance.now() - started) / 1000
      histogram.release()
      const none = { p50: null, p95: null, p99: null, max: null }
      return {
        sample: {
          operations: jobs,
          itemsPerOperation: 1,
          seconds,
          throughput: jobs / seconds,
          mean: (workers * seconds * 1000) / jobs,
          ...none,
          errors: 0,
          firstError: null,
          rss: null,
          figures: {},
        },
      }
    },
  }
}
