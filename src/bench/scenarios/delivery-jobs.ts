import type { Fleet, Tenant } from '../../fleet.js'
import { loadContestant } from '../contestant.js'
import { messageOf } from '../load.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { openGraphileWorker, openPgBoss, type RivalQueue, rivalContestant } from './delivery-jobs-rivals.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-jobs'
const WORKERS = 24
const BATCHERS = 4
const SIZE = 1000
/** Tasks of a workflow, beside each other. */
const TASKS = 100
const TYPE = 'job'
const SOURCE = 'speed list of the delivery store'
const SINGLE = `claim, run, complete: ${WORKERS} workers, one at a time`
const BATCH = `the same in batches of ${SIZE}: ${BATCHERS} workers`
const RIVALS = ['graphile-worker', 'pg-boss'] as const

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
  readonly rivals: Map<string, Promise<RivalQueue | { readonly unavailable: string }>>
}

const rate = (id: string, contestant: string, value: number): Target => ({
  id,
  what: `${contestant}: jobs a second`,
  source: SOURCE,
  metric: { kind: 'median', of: 'throughput', contestant },
  op: '>=',
  value,
})
const ratio = (id: string, contestant: string, to: string): Target => ({
  id,
  what: `${contestant}, against ${to}`,
  source: SOURCE,
  metric: { kind: 'ratio', of: 'throughput', contestant, to },
  op: '>=',
  value: 1,
})

/** Jobs that do nothing, from claim to completion, durable commits, beside two queues that are well known. */
export const deliveryJobs: Scenario<BenchSubject, State> = {
  name: 'delivery-jobs',
  title: 'Delivery store: jobs',
  description:
    `Tasks that do nothing, ${TASKS} beside each other in a workflow, are claimed, run and completed; every commit durable, every ` +
    'claim and completion in the audit log. graphile-worker and pg-boss run the same empty job on the same server, where they are installed.',
  options: { rows: 20_000, durationMs: 3000, warmUpMs: 500, rounds: 5 },
  targets: [
    rate('single-rate', SINGLE, 3660),
    ...RIVALS.map((rival) => ratio(`single-${rival}`, SINGLE, `${rival}, one at a time`)),
    rate('batch-rate', BATCH, 20_000),
    ...RIVALS.map((rival) => ratio(`batch-${rival}`, BATCH, `${rival}, in batches`)),
  ],

  async setUp({ subject }) {
    const fleet = await subject.open()
    await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
    const { url } = subject
    const open = { 'graphile-worker': openGraphileWorker, 'pg-boss': openPgBoss }
    const rivals = new Map(
      RIVALS.map((name) => [
        name as string,
        url === null
          ? Promise.resolve({ unavailable: 'needs a server' })
          : open[name](url).catch((error: unknown) => ({
              unavailable: `${name} cannot be used: ${messageOf(error).split('\n')[0]}`,
            })),
      ]),
    )
    return { fleet, tenant: fleet.tenant(TENANT), rivals }
  },

  contestants({ options }, { tenant, fleet, rivals }) {
    const { workflows, jobs } = tenant.delivery
    const tasks = Array.from({ length: TASKS }, (_, n) => ({ name: `task-${n}`, type: TYPE, payload: { n } }))
    /** Enough jobs for a round; what the last round left is among them. */
    const fill = async (wanted: number) => {
      for (let made = 0; made < wanted; made += 5000) {
        await workflows.create(Array.from({ length: 5000 / TASKS }, () => ({ name: 'bench', start: true, tasks })))
      }
      await fleet.database.lend((connection) =>
        connection.query('vacuum (analyze) delivery.jobs, delivery.workflow_tasks, delivery.workflows'),
      )
    }
    const seconds = (options.durationMs + options.warmUpMs) / 1000
    const claim = async (worker: number, limit: number, signal: AbortSignal) => {
      const got = await jobs.claim(`worker-${worker}`, { types: [TYPE], limit, signal })
      if (got.length < limit) throw new Error('the bench ran out of jobs')
      await jobs.complete(got, { signal })
    }
    const rival = (name: string, size: number) =>
      rivalContestant({
        name: size === 1 ? `${name}, one at a time` : `${name}, in batches`,
        jobs: options.rows,
        // graphile-worker's workers take single jobs from the batch that their process fetched.
        workers: size > 1 && name === 'pg-boss' ? BATCHERS : WORKERS,
        size,
        open: () => rivals.get(name) ?? Promise.resolve({ unavailable: 'is not known' }),
      })
    return [
      loadContestant({
        name: SINGLE,
        callers: WORKERS,
        rival: `${RIVALS[0]}, one at a time`,
        before: () => fill(10_000 * seconds),
        operation: (worker, signal) => claim(worker, 1, signal),
      }),
      ...RIVALS.map((name) => rival(name, 1)),
      loadContestant({
        name: BATCH,
        callers: BATCHERS,
        itemsPerOperation: SIZE,
        rival: `${RIVALS[0]}, in batches`,
        before: () => fill(50_000 * seconds),
        operation: (worker, signal) => claim(worker, SIZE, signal),
      }),
      ...RIVALS.map((name) => rival(name, SIZE)),
    ]
  },

  async tearDown(_, state) {
    if (state === undefined) return
    for (const opening of state.rivals.values()) {
      const queue = await opening
      if (!('unavailable' in queue)) await queue.close()
    }
    await state.fleet.close()
  },
}
