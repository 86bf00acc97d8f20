import { v7 as uuidv7 } from 'uuid'
import type { Fleet, Tenant } from '../../fleet.js'
import type { Job } from '../../stores/delivery/index.js'
import type { Contestant, RoundContext } from '../contestant.js'
import { type Arrival, type OpenLoopResult, openLoop } from '../open-loop.js'
import type { Outcome } from '../sample.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { any } from './learning-data.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-delivery'
const SOURCE = 'the delivery store, speed list'
/** Calls a second that arrive, all kinds together. */
const RATE = 5_000
const HELD = `${RATE.toLocaleString('en')} calls a second`
const HIGHEST = 'highest rate'
/** What is asked of every rate: milliseconds. */
const P95_MAX = 100
const TRANSITION_P99_MAX = 50
/** A rate is tried for at most so long, in milliseconds; the rates follow each other by this factor. */
const TRIAL_MS = 6_000
const STEP = 1.15
/** Running workflows that are paused and resumed, sessions and pull requests that calls are about. */
const WORKFLOWS = 2_000
const SESSIONS = 500
const PULL_REQUESTS = 2_000
const KINDS = ['create', 'claim', 'complete', 'transition', 'interaction', 'pull request', 'metric', 'read'] as const

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
  readonly workflows: readonly string[]
  readonly sessions: readonly string[]
  /** Workflows that nobody moves just now, and where each goes next. */
  readonly idle: { readonly id: string; move: 'pause' | 'resume' }[]
  /** The open loops that have ended, for the report. */
  readonly loops: { readonly name: string; readonly rate: number; readonly result: OpenLoopResult }[]
}

const target = (id: string, what: string, figure: string, value: number): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'median', of: `figure.${figure}`, contestant: HELD },
  op: '<=',
  value,
  unit: 'ms',
})

/** Everything that a fleet does at once, arriving at a rate whether the database keeps up or not; durable commits. */
export const deliveryMix: Scenario<BenchSubject, State> = {
  name: 'delivery-mix',
  title: 'Delivery store: everything at once, in an open loop',
  description:
    `Single calls arrive at ${RATE.toLocaleString('en')} a second: 10 % create a started workflow of one task, 15 % claim a job and 15 % complete one, ` +
    '10 % pause or resume a workflow, 15 % record an interaction, 10 % upsert a pull request, 15 % record a metric, 10 % read; each is ' +
    `timed from when it was to start. Then the highest rate that holds the same limits, in steps of ${Math.round((STEP - 1) * 100)} %. Last, what the document ran: ` +
    '100 workflow creations at once, and 50 sessions with one interaction each. Every change is audited, every commit durable.',
  options: { rows: WORKFLOWS, durationMs: 60_000, warmUpMs: 2_000, rounds: 1 },
  targets: [
    ...KINDS.map((kind) =>
      target(`${kind.replace(' ', '-')}-p95`, `${kind}, p95 in the open loop`, `${kind} p95`, P95_MAX),
    ),
    target('transition-p99', 'transition, p99 in the open loop', 'transition p99', TRANSITION_P99_MAX),
    {
      id: 'rate',
      what: 'calls a second that were answered, of those that arrived',
      source: SOURCE,
      metric: { kind: 'median', of: 'throughput', contestant: HELD },
      op: '>=',
      value: RATE * 0.999,
    },
  ],

  async setUp({ subject, options, signal, progress }) {
    const fleet = await subject.open()
    await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
    const tenant = fleet.tenant(TENANT).as({ actor: { type: 'agent', id: 'bench' }, correlationId: 'bench' })
    const { delivery } = tenant
    progress(`making ${options.rows} workflows, ${SESSIONS} sessions and ${PULL_REQUESTS} pull requests`)
    const workflows = Array.from({ length: options.rows }, () => uuidv7())
    for (let first = 0; first < workflows.length; first += 500) {
      signal.throwIfAborted()
      // Their one task is claimed by nobody, so they stay.
      const tasks = [{ name: 'wait', type: 'never' }]
      await delivery.workflows.create(
        workflows.slice(first, first + 500).map((id) => ({ id, name: 'standing', tasks, start: true })),
      )
    }
    const made = await delivery.agentSessions.create(
      Array.from({ length: SESSIONS }, (_, i) => ({ agentName: `agent ${i}`, agentType: 'tester' as const })),
    )
    for (let first = 1; first <= PULL_REQUESTS; first += 500) {
      await delivery.pullRequests.upsert(
        Array.from({ length: 500 }, (_, i) => ({
          repository: 'bench/shop',
          number: first + i,
          title: `Change ${first + i}`,
        })),
      )
    }
    const idle = workflows.map((id) => ({ id, move: 'pause' as const }))
    return { fleet, tenant, workflows, sessions: made.map(({ id }) => id), idle, loops: [] }
  },

  contestants(_, state) {
    const { delivery } = state.tenant
    const mix = () => arrivalsOf(state)
    const loop = (name: string, run: (context: RoundContext) => Promise<Outcome>): Contestant => ({
      name,
      kind: 'pgfleet',
      callers: 1_000,
      run,
    })
    const once = (name: string, callers: number, call: (n: number) => Promise<unknown>): Contestant => ({
      name,
      kind: 'pgfleet',
      callers,
      async run({ signal }) {
        const result = await openLoop([{ name, share: 1, operation: async () => call(any(1e9)) }], {
          rate: callers * 1_000,
          durationMs: 1,
          signal,
        })
        return { sample: toSample(result, {}) }
      },
    })
    return [
      loop(HELD, async ({ durationMs, warmUpMs, signal }) => {
        const result = await openLoop(mix(), { rate: RATE, durationMs, warmUpMs, signal })
        state.loops.push({ name: HELD, rate: RATE, result })
        return { sample: toSample(result, figuresOf(result)) }
      }),
      loop(HIGHEST, async ({ durationMs, signal }) => {
        let held: OpenLoopResult | undefined
        let rate = RATE
        for (let next = RATE / STEP ** 4; ; next *= STEP) {
          const result = await openLoop(mix(), {
            rate: next,
            durationMs: Math.min(TRIAL_MS, durationMs),
            warmUpMs: 1_000,
            signal,
          })
          if (!holds(result)) break
          held = result
          rate = next
        }
        if (held === undefined)
          return { unavailable: `not even ${Math.round(RATE / STEP ** 4)} calls a second are held` }
        state.loops.push({ name: HIGHEST, rate, result: held })
        return { sample: toSample(held, { ...figuresOf(held), rate }) }
      }),
      once('100 workflow creations at once', 100, () =>
        delivery.workflows.create({ name: 'one of many', tasks: [{ name: 'a' }, { name: 'b', dependsOn: ['a'] }] }),
      ),
      once('50 sessions with one interaction each', 50, async (n) => {
        const { id } = await delivery.agentSessions.create({ agentName: `agent ${n}`, agentType: 'tester' })
        await delivery.agentSessions.record({ sessionId: id, type: 'testing', tokens: 100, durationMs: 12 })
      }),
    ]
  },

  tables({ loops }) {
    return loops.map(({ name, rate, result }) => ({
      title: `${name}: ${Math.round(rate).toLocaleString('en')} calls arrived a second, at most ${result.inFlightMax} were under way at once`,
      head: ['call', 'a second', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'],
      rows: result.kinds.map(({ name: kind, operations, latencies }) => [
        kind,
        Math.round(operations / result.seconds).toLocaleString('en'),
        ...(['p50', 'p95', 'p99', 'max'] as const).map((of) => latencies?.[of].toFixed(1) ?? '-'),
      ]),
    }))
  },

  async tearDown(_, state) {
    await state?.fleet.close()
  },
}

/** The calls, and what they need of each other: jobs that were claimed, and workflows that nobody moves just now. */
function arrivalsOf({ tenant, workflows, sessions, idle }: State): Arrival[] {
  const { delivery } = tenant
  const types = ['bench']
  const claimed: Job[] = []
  let point = 0
  const claim = async (signal: AbortSignal) => {
    claimed.push(...(await delivery.jobs.claim('bench', { types, leaseMs: 300_000, signal })))
  }
  const reads: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => delivery.workflows.get(workflows[any(workflows.length)] as string, { signal }),
    (signal) => delivery.agentSessions.get(sessions[any(sessions.length)] as string, { signal }),
    (signal) => delivery.pullRequests.get({ repository: 'bench/shop', number: 1 + any(PULL_REQUESTS) }, { signal }),
  ]
  const kinds: Record<(typeof KINDS)[number], [number, (signal: AbortSignal) => Promise<unknown>]> = {
    create: [
      2,
      (signal) =>
        delivery.workflows.create({ name: 'bench', tasks: [{ name: 'run', type: 'bench' }], start: true }, { signal }),
    ],
    claim: [3, claim],
    complete: [
      3,
      async (signal) => {
        const job = claimed.pop()
        // Nothing to complete yet: more are claimed than created, so some claims find nothing.
        if (job === undefined) return claim(signal)
        return delivery.jobs.complete({ ...job, result: { ok: true } }, { signal })
      },
    ],
    transition: [
      2,
      async (signal) => {
        const workflow = idle.shift()
        if (workflow === undefined) throw new Error('every workflow is being moved')
        await delivery.workflows[workflow.move](workflow.id, { signal })
        workflow.move = workflow.move === 'pause' ? 'resume' : 'pause'
        idle.push(workflow)
      },
    ],
    interaction: [
      3,
      (signal) =>
        delivery.agentSessions.record(
          {
            sessionId: sessions[any(sessions.length)] as string,
            type: 'testing',
            tokens: any(2000),
            costUsd: 0.002,
            durationMs: any(900),
          },
          { signal },
        ),
    ],
    'pull request': [
      2,
      (signal) => {
        const number = 1 + any(PULL_REQUESTS)
        return delivery.pullRequests.upsert(
          { repository: 'bench/shop', number, title: `Change ${number}`, linesAdded: any(1000), coverage: any(100) },
          { signal },
        )
      },
    ],
    metric: [
      3,
      (signal) =>
        delivery.metrics.record(
          { name: 'latency', numericValue: any(1000), dimensions: { service: `service ${point++ % 20}` } },
          { signal },
        ),
    ],
    read: [2, (signal) => (reads[any(reads.length)] as (signal: AbortSignal) => Promise<unknown>)(signal)],
  }
  return Object.entries(kinds).map(([name, [share, operation]]) => ({ name, share, operation }))
}

function figuresOf(result: OpenLoopResult): Record<string, number> {
  const figures: Record<string, number> = { inFlightMax: result.inFlightMax }
  for (const { name, latencies } of result.kinds) {
    if (latencies === null) continue
    figures[`${name} p50`] = latencies.p50
    figures[`${name} p95`] = latencies.p95
    figures[`${name} p99`] = latencies.p99
  }
  return figures
}

function holds({ kinds, errors }: OpenLoopResult): boolean {
  return (
    errors === 0 &&
    kinds.every(({ name, latencies }) => {
      const { p95, p99 } = latencies ?? { p95: 0, p99: 0 }
      return p95 < P95_MAX && (name !== 'transition' || p99 < TRANSITION_P99_MAX)
    })
  )
}

function toSample(result: OpenLoopResult, figures: Record<string, number>) {
  const { operations, seconds, latencies, errors, firstError, rss } = result
  return {
    operations,
    itemsPerOperation: 1,
    seconds,
    throughput: operations / seconds,
    mean: null,
    ...(latencies ?? { p50: null, p95: null, p99: null, max: null }),
    errors,
    firstError,
    rss,
    figures,
  }
}
