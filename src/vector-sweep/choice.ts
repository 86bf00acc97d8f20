import { median } from '../bench/median.js'
import { paretoFront } from '../bench/pareto-front.js'
import type { Build } from './index-build.js'
import type { Measure } from './search-measure.js'

/** A setting of an index and its searches, over all rows of the sample. */
export interface SweepPoint extends Measure {
  readonly build: Build
  readonly efSearch: number
  /** No other is both quicker and finds as much. */
  readonly onFront: boolean
}

/** Latencies that differ by less are the same: a machine does not repeat itself better. */
const NOISE = 0.1
/** Where p95 is so many times p50, at the median of all settings, something else was running. */
const DISTURBED = 4

/** Marks the points of the front. */
export function markFront(points: readonly Omit<SweepPoint, 'onFront'>[]): SweepPoint[] {
  const front = new Set(paretoFront(points))
  return points.map((point) => ({ ...point, onFront: front.has(point) }))
}

/**
 * The setting to use for a recall: of those that reach it the quickest, and of those that are as quick within the noise the one with the
 * smallest index. The index that is there stays when the first of its settings that reaches the recall is on the front, or as quick within
 * the noise: building another would bring nothing. Undefined when no setting reaches it.
 */
export function chooseSetting(points: readonly SweepPoint[], recall: number): SweepPoint | undefined {
  const enough = points.filter((point) => point.recall >= recall).sort((a, b) => a.p50 - b.p50)
  const [quickest] = enough
  if (quickest === undefined) return undefined
  const asQuick = enough.filter(({ p50 }) => p50 <= quickest.p50 * (1 + NOISE))
  const existing = enough.find(({ build }) => build.existing)
  if (existing !== undefined && (existing.onFront || asQuick.includes(existing))) return existing
  const smallest = Math.min(...asQuick.map(({ build }) => build.bytes))
  return asQuick.find(({ build }) => build.bytes <= smallest * (1 + NOISE))
}

/** Says when latencies scattered so much that indexes can hardly be compared by them; else nothing. */
export function disturbance(points: readonly Pick<SweepPoint, 'p50' | 'p95'>[]): string[] {
  const ratio = median(points.map(({ p50, p95 }) => p95 / Math.max(p50, 0.01))) ?? 1
  return ratio < DISTURBED
    ? []
    : [
        `The server or this machine was busy: p95 is ${ratio.toFixed(0)} times p50 where both should be close. Recall and sizes hold; measure again in a calm hour before an index is built for its latency.`,
      ]
}
