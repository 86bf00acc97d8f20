import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { givenOrder, type Order } from './baselines.js'
import type { Cycle } from './history.js'
import type { ActionValue, Experience, LearningStore } from './learning-store.js'
import { groupByTest, type TestHistory } from './test-history.js'
import { type ViewState, viewsOf } from './views.js'

/** Options of a prioritizer. */
export interface PrioritizerOptions {
  /** The agent type whose values are used; the store must know it. @default 'test-executor' */
  agentType?: string
  /** Part of every state: prioritizers of different scopes share nothing, of the same scope everything. */
  scope: string
  /** How many visits make a view's value count half of what it can. @default 2 */
  shrinkage?: number
}

/** How many states or experiences go to the store in one call. */
export const STORE_BATCH_MAX = 2_000

/** The one action; passing a test over is worth 0 and needs no value. */
const RUN_EARLY = 'run_early'

/**
 * An agent that learns which tests to run early. It values a test by the expected share of its runs that fail: the
 * mean of the action values of its six views, each weighted by visits / (visits + shrinkage), so that a view without
 * experience is silent. Tests run in descending order of value; the order given decides between equals.
 *
 * It is tabular Q-learning with one step to an episode: the reward is 1 for a failure and 0 for a pass, every state is
 * terminal, and the rate 1/visits makes each value a mean (Sutton and Barto, Reinforcement Learning, 2018, chapter 2).
 */
export interface Prioritizer {
  /** The expected failure of each test, looked up in the store; one call for up to 2,000 states. */
  values(tests: readonly string[], history: TestHistory): Promise<TestValues>
  /**
   * Learns from a cycle that is over, and before the history observes it: one experience for each state met, its
   * reward the mean over the tests in that state, in batches of at most 2,000.
   * @returns how many experiences were sent.
   */
  learn(cycle: Cycle, history: TestHistory): Promise<number>
}

/** Values of tests, and how many states were looked up for them. */
export interface TestValues {
  readonly byTest: ReadonlyMap<string, number>
  readonly states: number
}

/** Makes a prioritizer over a store. Nothing of what it learned is kept outside the store. */
export function createPrioritizer(store: LearningStore, options: PrioritizerOptions): Prioritizer {
  const agentType = options.agentType ?? 'test-executor'
  const shrinkage = options.shrinkage ?? 2
  const { scope } = options

  return {
    async values(tests, history) {
      const states = new Map<string, ViewState>()
      const keys = new Map<string, string[]>()
      for (const test of new Set(tests)) keys.set(test, collectStates(viewsOf(test, history), states))
      const known = new Map<string, ActionValue | undefined>()
      for (const batch of batches([...states])) {
        const found = await store.values(batch.map(([, state]) => ({ agentType, state: { scope, ...state } })))
        batch.forEach(([key], index) => {
          known.set(
            key,
            found[index]?.find((value) => value.action === RUN_EARLY),
          )
        })
      }
      const byTest = new Map<string, number>()
      for (const [test, views] of keys) byTest.set(test, combine(views, known, shrinkage))
      return { byTest, states: states.size }
    },

    async learn(cycle, history) {
      const states = new Map<string, ViewState>()
      const sums = new Map<string, { tests: number; reward: number }>()
      for (const [test, seen] of groupByTest(cycle)) {
        for (const key of collectStates(viewsOf(test, history), states)) {
          const sum = sums.get(key) ?? { tests: 0, reward: 0 }
          sum.tests++
          sum.reward += seen.failures / seen.runs
          sums.set(key, sum)
        }
      }
      const experiences: Experience[] = []
      for (const [key, { tests, reward }] of sums) {
        const state = { scope, ...states.get(key) }
        experiences.push({
          agentType,
          state,
          action: RUN_EARLY,
          reward: reward / tests,
          terminal: true,
          learningRate: 'visits',
        })
      }
      for (const batch of batches(experiences)) await store.learn(batch)
      return experiences.length
    },
  }
}

/**
 * Orders tests by value, with exploration: with a chance of `epsilon` a place goes to one of the tests that remain, each as
 * likely as the others, instead of the best of them.
 */
export function orderByValue(
  tests: readonly string[],
  values: ReadonlyMap<string, number>,
  epsilon: number,
  random: RandomGenerator,
): Order {
  const value = tests.map((test) => values.get(test) ?? 0)
  const order = givenOrder(tests).sort((a, b) => (value[b] as number) - (value[a] as number))
  for (let place = 0; place < order.length; place++) {
    if (uniformFloat64(random) >= epsilon) continue
    const [drawn] = order.splice(uniformInt(random, place, order.length - 1), 1)
    order.splice(place, 0, drawn as number)
  }
  return order
}

/** Adds states by their keys and returns the keys; equal states of different tests are looked up and learned once. */
function collectStates(views: ViewState[], states: Map<string, ViewState>): string[] {
  return views.map((view) => {
    const key = JSON.stringify(view)
    if (!states.has(key)) states.set(key, view)
    return key
  })
}

function combine(keys: string[], known: Map<string, ActionValue | undefined>, shrinkage: number): number {
  let sum = 0
  let weights = 0
  for (const key of keys) {
    const value = known.get(key)
    if (value === undefined) continue
    const weight = value.visits / (value.visits + shrinkage)
    sum += weight * value.q
    weights += weight
  }
  return weights === 0 ? 0 : sum / weights
}

function* batches<T>(items: T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += STORE_BATCH_MAX) yield items.slice(start, start + STORE_BATCH_MAX)
}
