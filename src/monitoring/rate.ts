import { familyOf } from './metrics/index.js'
import { type ResetReason, resetBetween } from './server-state.js'
import { type Sample, type Snapshot, seriesOf } from './snapshot.js'

/** How fast a counter grew between two snapshots. */
export interface Rate extends Omit<Sample, 'value'> {
  /** Growth a second, 0 or more. Of a counter that started anew: what it has counted since, which is less than it grew by. */
  readonly perSecond: number
  /** The counter started anew in between. */
  readonly isReset: boolean
}

/** All counters that both snapshots have. */
export interface Rates {
  /** Between the snapshots. */
  readonly seconds: number
  /** Why all counters started anew, where the server as a whole tells. */
  readonly reset: ResetReason | undefined
  readonly rates: readonly Rate[]
}

/**
 * How fast counters grew from one snapshot to a later one. Never negative, never infinite: nothing is told when the server was
 * away in one of them or no time has passed, nor of series that only one of them has.
 */
export function ratesBetween(before: Snapshot, after: Snapshot): Rates {
  const seconds = (after.at.getTime() - before.at.getTime()) / 1000
  if (!before.isUp || !after.isUp || before.server === undefined || after.server === undefined || seconds <= 0)
    return { seconds: Math.max(0, seconds), reset: undefined, rates: [] }
  const reset = resetBetween(before.server, after.server)
  const values = new Map(before.samples.filter(isCounter).map((sample) => [seriesOf(sample), sample.value]))
  const rates = after.samples.filter(isCounter).flatMap((sample): Rate[] => {
    const earlier = values.get(seriesOf(sample))
    if (earlier === undefined) return []
    const { metric, labels, value } = sample
    const isReset = value < earlier
    return [{ metric, labels, perSecond: Math.max(0, isReset ? value : value - earlier) / seconds, isReset }]
  })
  return { seconds, reset, rates }
}

const isCounter = ({ metric }: Sample) => familyOf(metric)?.type === 'counter'
