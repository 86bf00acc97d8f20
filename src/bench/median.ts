/** A figure over the rounds of a run: the middle value and how far the rounds lay apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The middle value; of an even number of values the mean of the two in the middle; null for none. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[sorted.length >> 1]
  if (upper === undefined) return null
  const lower = sorted[(sorted.length - 1) >> 1] ?? upper
  return lower + (upper - lower) / 2
}

/** Median, least and greatest of the values that are there; null when none is. */
export function spread(values: readonly (number | null)[]): Spread | null {
  const present = values.filter((value) => value !== null)
  const middle = median(present)
  return middle === null ? null : { median: middle, min: Math.min(...present), max: Math.max(...present) }
}

/**
 * `ours / theirs` round by round, then the spread of those ratios. Both ran within seconds of each other in a round, so
 * whatever else the machine did slowed both and cancels; a ratio of two medians would compare different moments.
 * A round in which either is missing, or the divisor is 0, gives no ratio.
 */
export function ratioSpread(ours: readonly (number | null)[], theirs: readonly (number | null)[]): Spread | null {
  return spread(
    ours.map((value, round) => {
      const divisor = theirs[round] ?? null
      return value === null || divisor === null || divisor === 0 ? null : value / divisor
    }),
  )
}

/** Where the median of what was sampled lies. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * The interval that holds the true median with a confidence of at least 95 %, whatever the distribution: the order
 * statistics between which, by the binomial distribution of how many values fall below it, it lies (Conover 1999, 3.2).
 * Null below six values, which cannot say so much.
 */
export function medianInterval(values: readonly (number | null)[]): Interval | null {
  const sorted = values.filter((value) => value !== null).toSorted((a, b) => a - b)
  const n = sorted.length
  // The largest rank whose tail holds at most 2.5 %: P(fewer than `rank` of n coin tosses are heads).
  let rank = 0
  for (let term = 0.5 ** n, tail = term; tail <= 0.025 && rank < n / 2; ) {
    rank++
    term *= (n - rank + 1) / rank
    tail += term
  }
  const [low, high] = [sorted[rank - 1], sorted[n - rank]]
  return rank === 0 || low === undefined || high === undefined ? null : { low, high }
}
