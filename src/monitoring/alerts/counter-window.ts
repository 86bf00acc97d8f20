import type { Labels } from './open-alert.js'

/** What a counter was, and when. */
export interface CounterPoint {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly value: number
}

/** Most points that are kept of one counter; the oldest go first. */
const POINTS_MAX = 10_000

/** The last values of counters, for as long as rules look back. */
export class CounterWindow {
  readonly #windowMs: number
  readonly #series = new Map<string, { readonly labels: Labels; points: CounterPoint[] }>()

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** Takes the value of one series at this moment. */
  add(key: string, labels: Labels, point: CounterPoint): void {
    const series = this.#series.get(key) ?? { labels, points: [] }
    series.points.push(point)
    this.#series.set(key, series)
  }

  /** Forgets what is older than the window, and what lies in the future because the clock was set back. */
  prune(now: number): void {
    for (const [key, series] of this.#series) {
      const { points } = series
      const first = points.findIndex(({ at }) => at >= now - this.#windowMs)
      const isOrdered = (points.at(-1)?.at ?? 0) <= now
      series.points = first < 0 ? [] : points.slice(Math.max(first, points.length - POINTS_MAX))
      if (!isOrdered) series.points = series.points.filter(({ at }) => at <= now)
      if (series.points.length === 0) this.#series.delete(key)
    }
  }

  /** Forgets everything: the counters are of another server now. */
  clear(): void {
    this.#series.clear()
  }

  /** All series that have points. */
  series(): Iterable<{ readonly labels: Labels; readonly points: readonly CounterPoint[] }> {
    return this.#series.values()
  }
}

/**
 * By how much a counter grew from `now - windowMs` to `now`, as Prometheus reckons it: what was seen, extended to the ends of the
 * window where the points come near to them. A value below the one before is a reset, and counts from zero; so it is never
 * negative. Undefined of fewer than two points.
 */
export function increase(points: readonly CounterPoint[], now: number, windowMs: number): number | undefined {
  const seen = points.filter(({ at }) => at >= now - windowMs && at <= now)
  const [first, last] = [seen[0], seen.at(-1)]
  if (first === undefined || last === undefined || seen.length < 2 || last.at === first.at) return undefined
  let grown = last.value - first.value
  let before = first.value
  for (const { value } of seen) {
    if (value < before) grown += before
    before = value
  }
  const sampled = last.at - first.at
  const between = sampled / (seen.length - 1)
  const reach = between * 1.1
  let toStart = first.at - (now - windowMs)
  const toEnd = now - last.at
  // A counter was never below zero: what is before the first point is not taken for more than it can have been.
  if (grown > 0 && first.value >= 0) toStart = Math.min(toStart, sampled * (first.value / grown))
  const extended = sampled + (toStart < reach ? toStart : between / 2) + (toEnd < reach ? toEnd : between / 2)
  return grown * (extended / sampled)
}
