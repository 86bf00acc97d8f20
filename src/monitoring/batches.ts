import type { BatchMetrics, Spread } from '../database/batch-metrics.js'
import { BATCH_METRICS } from './metrics/batches.js'
import type { Sample } from './snapshot.js'
import { samplesOf } from './sources/source.js'

/** What a process's own fleet tells: `fleet.metrics()` as samples, times in seconds. */
export function batchSamples(metrics: readonly BatchMetrics[]): Sample[] {
  const totals = metrics.map((one) => ({
    operation: one.operation,
    batches_total: one.batches,
    items_total: one.items,
    splits_total: one.splits,
    failures_total: one.failures,
    coalesced_total: one.coalesced,
    queued: one.queued,
  }))
  const spreads = metrics.flatMap(({ operation, batchSize, queueAgeMs, flushMs }) =>
    QUANTILES.map(([quantile, part]) => ({
      operation,
      quantile,
      size: batchSize[part],
      queue_age_seconds: queueAgeMs[part] / 1000,
      flush_seconds: flushMs[part] / 1000,
    })),
  )
  return samplesOf([BATCH_METRICS.totals, BATCH_METRICS.spreads], [...totals, ...spreads])
}

const QUANTILES: readonly (readonly [string, keyof Spread])[] = [
  ['0.5', 'p50'],
  ['0.99', 'p99'],
  ['1', 'max'],
]
