import { counter, gauge, group } from './family.js'

const OPERATION = ['operation'] as const
const SPREAD = ['operation', 'quantile'] as const

/** What a process that has a fleet open tells of its own calls. */
export const BATCH_METRICS = {
  totals: group('pgfleet_batch_', OPERATION, {
    batches_total: counter('Batches sent, since the fleet was opened.'),
    items_total: counter('Items in them.'),
    splits_total: counter('Batches that were split because the database refused one of their items.'),
    failures_total: counter('Batches that failed.'),
    coalesced_total: counter('Items that were not sent because a later call for the same key was.'),
    queued: gauge('Items that wait to be sent.'),
  }),
  spreads: group('pgfleet_batch_', SPREAD, {
    size: gauge('Items in a batch: quantile 0.5, 0.99, and 1 for the largest.'),
    queue_age_seconds: gauge('How long the oldest item of a batch waited: quantile 0.5, 0.99, and 1 for the longest.'),
    flush_seconds: gauge('How long a batch took: quantile 0.5, 0.99, and 1 for the longest.'),
  }),
} as const
