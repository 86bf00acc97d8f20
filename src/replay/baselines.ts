import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { mersenne } from 'pure-rand/generator/mersenne'
import type { Outcome } from './napfd.js'
import { type TestHistory, VERDICTS_KEPT } from './test-history.js'

/**
 * An order of the runs of a cycle: indices into the list of its tests, each once. An ordering sees the names alone, in
 * the order given, and what earlier cycles told; so none can look into the cycle that it orders.
 */
export type Order = number[]

/** The order in which the history gives the runs. */
export function givenOrder(tests: readonly string[]): Order {
  return tests.map((_, index) => index)
}

/** Makes random orders, each a Fisher-Yates shuffle; the same seed makes the same sequence of orders. */
export function createRandomOrder(seed: number): (tests: readonly string[]) => Order {
  const random = mersenne(seed)
  return (tests) => {
    const order = givenOrder(tests)
    for (let place = order.length - 1; place > 0; place--) {
      const from = uniformInt(random, 0, place)
      const moved = order[from] as number
      order[from] = order[place] as number
      order[place] = moved
    }
    return order
  }
}

/**
 * The test whose last failure lies the fewest cycles back comes first, those that never failed come last; the order
 * given decides between equals.
 */
export function recentFailuresFirst(tests: readonly string[], history: TestHistory): Order {
  const lastFailure = tests.map((test) => history.get(test)?.lastFailure ?? -1)
  return givenOrder(tests).sort((a, b) => (lastFailure[b] as number) - (lastFailure[a] as number))
}

/**
 * Compares the verdicts of earlier runs from the newest back, a failure before a pass; a missing verdict counts as a
 * pass, and the order given decides between equals. RETECS compares itself with such a sorting heuristic.
 */
export function recentVerdictsFirst(tests: readonly string[], history: TestHistory): Order {
  const verdicts = tests.map((test) => (history.get(test)?.verdicts ?? '').padEnd(VERDICTS_KEPT, '0'))
  return givenOrder(tests).sort((a, b) => compareText(verdicts[b] as string, verdicts[a] as string))
}

/** The best order there is, made by looking at the outcomes: failures first, the short ones of them before the long. */
export function oracleOrder(outcomes: readonly Outcome[]): Order {
  return outcomes
    .map((_, index) => index)
    .sort((a, b) => {
      const [left, right] = [outcomes[a] as Outcome, outcomes[b] as Outcome]
      return Number(right.failed) - Number(left.failed) || left.duration - right.duration
    })
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
