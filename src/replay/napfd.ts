import { FleetError } from '../errors.js'

/** What the metric needs to know of a run. */
export interface Outcome {
  /** 0 or more. */
  readonly duration: number
  readonly failed: boolean
}

/**
 * Normalised average percentage of faults detected (NAPFD), of the runs in the order given, within a time budget.
 * 1 is the best, 0 the worst. Each failed run counts as a fault of its own.
 *
 * The budget is a share of the total duration. Runs are taken in order; one that no longer fits is passed over and
 * later, shorter ones may still fit. Ranks count executed runs from 1. With p the share of failures detected, m their
 * total and n the number of all runs, executed or not:
 * NAPFD = p - (sum of the ranks of detected failures) / (m n) + p / (2 n).
 *
 * Source: Qu, Cohen and Woolf 2007 for the metric; Spieker, Gotlieb, Marijan and Mossige, "Reinforcement learning for
 * automatic test case prioritization and selection in continuous integration", ISSTA 2017, for budget and ranks.
 *
 * @param budget Share of the total duration, above 0 and at most 1; at 1 every run is executed.
 * @returns `undefined` when nothing failed: such a cycle says nothing of its order, and means leave it out.
 * @throws FleetError `INPUT_INVALID` when the budget is out of range.
 */
export function napfd(ordered: readonly Outcome[], budget: number): number | undefined {
  if (!(budget > 0 && budget <= 1)) {
    throw new FleetError('INPUT_INVALID', {
      message: `The budget is a share of the total duration, above 0 and at most 1; found ${budget}.`,
      field: 'budget',
    })
  }
  let total = 0
  let failures = 0
  for (const run of ordered) {
    total += run.duration
    if (run.failed) failures++
  }
  if (failures === 0) return undefined
  // The sum of the same durations in another order differs in its last digits, and must not decide what fits.
  const available = total * budget + total * 1e-9
  let elapsed = 0
  let rank = 0
  let detected = 0
  let ranks = 0
  for (const run of ordered) {
    if (elapsed + run.duration > available) continue
    elapsed += run.duration
    rank++
    if (!run.failed) continue
    detected++
    ranks += rank
  }
  const share = detected / failures
  const runs = ordered.length
  return share - ranks / (failures * runs) + share / (2 * runs)
}
