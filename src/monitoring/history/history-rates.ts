/** How fast a counter grew, one a snapshot. */
export interface CounterRates {
  /** A second, over the time since the snapshot before; null: it cannot be told. Never negative. */
  readonly perSecond: (number | null)[]
  /** The places at which the counter had begun anew though nothing else shows why: its statistics were reset. */
  readonly resets: readonly number[]
}

/**
 * The rates of a counter. Across what `breaks` name (a gap, a restart, a promotion, a clock that was set back) nothing is
 * told, nor where it fell.
 */
export function ratesOf(
  times: readonly Date[],
  values: readonly (number | null)[],
  breaks: ReadonlySet<number>,
): CounterRates {
  const resets: number[] = []
  const perSecond = values.map((value, i) => {
    const before = values[i - 1] ?? null
    const seconds = (Number(times[i]) - Number(times[i - 1])) / 1000
    if (value === null || before === null || breaks.has(i) || !(seconds > 0)) return null
    const grown = value - before
    if (grown >= 0) return grown / seconds
    if (grown < 0) resets.push(i)
    return null
  })
  return { perSecond, resets }
}
