import type { Cycle } from './history.js'
import { napfd } from './napfd.js'

/** The orders that a replay compares. */
export const ORDERS = ['learned', 'random', 'given', 'recentFailures', 'recentVerdicts', 'oracle'] as const

/** One of the orders that a replay compares. */
export type OrderName = (typeof ORDERS)[number]

/** NAPFD, 0 to 1 and more is better, at two time budgets; `null` where no cycle had a failure. */
export interface Napfd {
  /** Within half of the total duration of the cycle's tests. */
  readonly at50: number | null
  /** With time for all of them. */
  readonly at100: number | null
}

/** Scores of some cycles, each cycle with a failure counting the same. */
export interface Scores {
  readonly cycles: number
  readonly cyclesWithFailure: number
  readonly napfd: Readonly<Record<OrderName, Napfd>>
}

/** The two values of one order in one cycle. */
export interface CycleScore {
  readonly at50: number
  readonly at100: number
}

/** Scores the order of a cycle; `undefined` when nothing failed in it. */
export function scoreOrder(cycle: Cycle, order: readonly number[]): CycleScore | undefined {
  const ordered = order.map((index) => cycle.runs[index] as Cycle['runs'][number])
  const at50 = napfd(ordered, 0.5)
  const at100 = napfd(ordered, 1)
  return at50 === undefined || at100 === undefined ? undefined : { at50, at100 }
}

/** Sums up scores of cycles. */
export interface ScoreSum {
  /** Adds a cycle: for each order its score with each seed, none when nothing failed. */
  add(scores: Readonly<Record<OrderName, readonly CycleScore[]>> | undefined): void
  /** The means so far. */
  scores(): Scores
}

/** An empty sum. */
export function createScoreSum(): ScoreSum {
  const sums = new Map<OrderName, { at50: number; at100: number }>()
  let cycles = 0
  let cyclesWithFailure = 0
  return {
    add(scores) {
      cycles++
      if (scores === undefined) return
      cyclesWithFailure++
      for (const order of ORDERS) {
        const sum = sums.get(order) ?? { at50: 0, at100: 0 }
        sum.at50 += mean(scores[order].map((score) => score.at50))
        sum.at100 += mean(scores[order].map((score) => score.at100))
        sums.set(order, sum)
      }
    },
    scores() {
      const meanOf = (order: OrderName): Napfd => {
        const sum = sums.get(order)
        if (sum === undefined) return { at50: null, at100: null }
        return { at50: sum.at50 / cyclesWithFailure, at100: sum.at100 / cyclesWithFailure }
      }
      const napfd = Object.fromEntries(ORDERS.map((order) => [order, meanOf(order)])) as Record<OrderName, Napfd>
      return { cycles, cyclesWithFailure, napfd }
    },
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
