import { mersenne } from 'pure-rand/generator/mersenne'
import { FleetError } from '../errors.js'
import { createRandomOrder, givenOrder, oracleOrder, recentFailuresFirst, recentVerdictsFirst } from './baselines.js'
import type { Cycle, History } from './history.js'
import type { LearningStore } from './learning-store.js'
import { type ReplayOptions, resolveReplayOptions } from './options.js'
import { createPrioritizer, orderByValue } from './prioritizer.js'
import { type CycleScore, createScoreSum, type OrderName, type ScoreSum, type Scores, scoreOrder } from './scores.js'
import { createTestHistory, type TestHistory } from './test-history.js'

/** Where a replay stands after a cycle. */
export interface ReplayProgress {
  /** Cycles replayed, and how many there are. */
  readonly done: number
  readonly total: number
  /** The number of the cycle just replayed. */
  readonly cycle: number
  /** States looked up, and experiences learned, for it. */
  readonly states: number
  readonly experiences: number
  /** Scores of all cycles so far. */
  readonly scores: Scores
}

/** Scores of neighbouring cycles. */
export interface ReplayWindow extends Scores {
  /** Numbers of the first and the last cycle. */
  readonly from: number
  readonly to: number
}

/** What a replay found. */
export interface ReplayResult {
  /** The scope that the learned values have in the store. */
  readonly scope: string
  readonly seeds: readonly number[]
  readonly runs: number
  readonly tests: number
  readonly overall: Scores
  /** The last third of the cycles: how well the agent orders once it has learned. */
  readonly lastThird: Scores
  readonly windows: readonly ReplayWindow[]
  /** States looked up in the store and experiences sent to it, in all. */
  readonly states: number
  readonly experiences: number
}

/**
 * Replays a history: before each cycle the prioritizer orders its tests by what the store has learned from earlier
 * cycles, the order is scored beside the baselines, and then the cycle is learned. In a cycle all tests run in the
 * end, so their verdicts do not depend on the order: values are learned once, and the seeds differ in exploration and
 * in the random order.
 *
 * @throws FleetError `INPUT_INVALID` for an option, `REPLAY_EMPTY` for a history without cycles, `ABORTED`, and
 * whatever the store throws.
 */
export async function replay(
  history: Pick<History, 'cycles'>,
  store: LearningStore,
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  const { seeds, epsilon, windowCycles, onProgress, signal, ...agent } = resolveReplayOptions(options)
  const { cycles } = history
  if (cycles.length === 0) throw new FleetError('REPLAY_EMPTY', { message: 'The history has no cycles.' })

  const prioritizer = createPrioritizer(store, agent)
  const tests = createTestHistory()
  // Exploration and the random order draw from generators of their own, so that epsilon does not change the latter.
  const explorations = seeds.map((seed) => mersenne(seed))
  const randomOrders = seeds.map((seed) => createRandomOrder(seed))
  const names = new Set<string>()
  const overall = createScoreSum()
  const lastThird = createScoreSum()
  const windows: { from: number; to: number; sum: ScoreSum }[] = []
  const totals = { runs: 0, states: 0, experiences: 0 }

  for (const [index, cycle] of cycles.entries()) {
    if (signal?.aborted) throw abortedError(index, cycles.length, signal)
    const inCycle = cycle.runs.map((run) => run.test)
    const values = await prioritizer.values(inCycle, tests)
    const orders = {
      learned: explorations.map((random) => orderByValue(inCycle, values.byTest, epsilon, random)),
      random: randomOrders.map((order) => order(inCycle)),
      ...fixedOrders(cycle, inCycle, tests),
    }
    const scores = scoreOrders(cycle, orders)
    if (index % windowCycles === 0) windows.push({ from: cycle.cycle, to: cycle.cycle, sum: createScoreSum() })
    const window = windows.at(-1) as (typeof windows)[number]
    window.to = cycle.cycle
    window.sum.add(scores)
    overall.add(scores)
    if (index >= (cycles.length * 2) / 3) lastThird.add(scores)

    const experiences = await prioritizer.learn(cycle, tests)
    tests.observe(cycle)
    for (const test of inCycle) names.add(test)
    totals.runs += cycle.runs.length
    totals.states += values.states
    totals.experiences += experiences
    onProgress?.({
      done: index + 1,
      total: cycles.length,
      cycle: cycle.cycle,
      states: values.states,
      experiences,
      scores: overall.scores(),
    })
  }
  return {
    scope: agent.scope,
    seeds,
    tests: names.size,
    ...totals,
    overall: overall.scores(),
    lastThird: lastThird.scores(),
    windows: windows.map(({ from, to, sum }) => ({ from, to, ...sum.scores() })),
  }
}

/** The orders that need no seed: one each. */
function fixedOrders(cycle: Cycle, tests: readonly string[], history: TestHistory) {
  return {
    given: [givenOrder(tests)],
    recentFailures: [recentFailuresFirst(tests, history)],
    recentVerdicts: [recentVerdictsFirst(tests, history)],
    oracle: [oracleOrder(cycle.runs)],
  }
}

function scoreOrders(cycle: Cycle, orders: Record<OrderName, number[][]>): Record<OrderName, CycleScore[]> | undefined {
  if (!cycle.runs.some((run) => run.failed)) return undefined
  const scores = Object.entries(orders).map(([name, all]) => [
    name,
    all.map((order) => scoreOrder(cycle, order)).filter((score) => score !== undefined),
  ])
  return Object.fromEntries(scores) as Record<OrderName, CycleScore[]>
}

function abortedError(done: number, total: number, signal: AbortSignal): FleetError {
  return new FleetError('ABORTED', {
    message: `The replay was aborted after ${done} of ${total} cycles; what it learned stays in the store.`,
    cause: signal.reason,
    details: { done, total },
  })
}
