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
