import { resolveThresholds } from '../../../dist/doctor/thresholds.js'
import { comparisonsOf, limitOf, termsOf, windowOf } from '../../../dist/monitoring/alerts/condition.js'
import type { AlertRule } from '../../../dist/monitoring/alerts/rule.js'
import { familyOf } from '../../../dist/monitoring/metrics/index.js'

/** Values of one series, a step each: undefined where it is missing. */
export interface Series {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly values: (number | undefined)[]
}

export const THRESHOLDS_USED = resolveThresholds()

type Phase = 'well' | 'due'

const MIB = 1024 ** 2

/**
 * What the metrics of a rule are while all is well, and while it is due; of a counter, by how much it grows in an hour. A rule with one
 * metric and one comparison needs no entry: its numbers follow from its limit.
 */
const NUMBERS: Readonly<Record<string, Readonly<Record<string, readonly [well: number, due: number]>>>> = {
  'connections-high': { pgfleet_connections_used: [40, 80], pgfleet_connections_limit: [97, 97] },
  'connections-exhausted': { pgfleet_connections_used: [40, 95], pgfleet_connections_limit: [97, 97] },
  'xmin-horizon': { pgfleet_xmin_age_transactions: [1e6, 3e7], pg_settings_autovacuum_freeze_max_age: [2e8, 2e8] },
  'xmin-horizon-far': { pgfleet_xmin_age_transactions: [1e6, 13e7], pg_settings_autovacuum_freeze_max_age: [2e8, 2e8] },
  'transaction-id-wraparound': {
    pg_database_wraparound_age_datfrozenxid_seconds: [1e8, 1.5e9],
    pg_settings_vacuum_failsafe_age: [1.6e9, 1.6e9],
  },
  'multixact-id-wraparound': {
    pg_database_wraparound_age_datminmxid_seconds: [1e8, 1.5e9],
    pg_settings_vacuum_multixact_failsafe_age: [1.6e9, 1.6e9],
  },
  'replication-slot-retention': {
    pgfleet_replication_slot_retained_bytes: [MIB, 5000 * MIB],
    pg_replication_slot_slot_is_active: [0, 0],
  },
  'replication-slot-lost': { pg_replication_slot_wal_status: [0, 1] },
  'wal-directory': {
    pg_wal_size_bytes: [900 * MIB, 5000 * MIB],
    pg_settings_max_wal_size_bytes: [1024 * MIB, 1024 * MIB],
    pg_settings_wal_keep_size_bytes: [0, 0],
  },
  // By kind: requested, timed.
  'checkpoints-requested': { pgfleet_checkpoints_total: [1, 8] },
  'cache-reads': { pg_stat_database_blks_hit: [36e7, 18e6], pg_stat_database_blks_read: [36e3, 72e5] },
  rollbacks: { pg_stat_database_xact_commit: [36e4, 36e4], pg_stat_database_xact_rollback: [360, 9e4] },
  'autovacuum-queue': { pgfleet_autovacuum_tables_due: [3, 30], pgfleet_autovacuum_workers_limit: [3, 3] },
  'dead-rows': { pg_stat_user_tables_n_dead_tup: [2000, 400_000], pg_stat_user_tables_n_live_tup: [500_000, 500_000] },
  'partition-missing': {
    pgfleet_partition_lead_seconds: [6e6, -1e5],
    pgfleet_partition_width_seconds: [2_678_400, 2_678_400],
  },
  'partition-lead': {
    pgfleet_partition_lead_seconds: [6e6, 1e6],
    pgfleet_partition_width_seconds: [2_678_400, 2_678_400],
  },
  'slow-statements': { pg_stat_statements_seconds_total: [36, 720], pg_stat_statements_calls_total: [18_000, 18_000] },
  'checksum-failures': { pgfleet_database_checksum_failures_total: [0, 8] },
  'batch-failures': { pgfleet_batch_failures_total: [0, 40] },
}

/** Which values labels have, where a rule asks for certain ones; others have any. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  kind: ['requested', 'timed'],
  state: ['ready', 'expired'],
  outcome: ['failed'],
  wal_status: ['lost'],
}

/** The number of a rule's metric in a phase. */
function numberOf(rule: AlertRule, metric: string, phase: Phase): number {
  const pair = NUMBERS[rule.id]?.[metric]
  if (pair !== undefined) return pair[phase === 'well' ? 0 : 1]
  const [first, ...more] = comparisonsOf(rule.condition)
  if (first === undefined || more.length > 0 || first.per !== undefined)
    throw new Error(`${rule.id} needs numbers for ${metric}`)
  const limit = limitOf(first.than, THRESHOLDS_USED)
  if (first.is === '==') return phase === 'due' ? limit : 1 - limit
  const [above, below] = limit === 0 ? [3, 0] : [limit * 2, limit / 2]
  return (phase === 'due') === first.is.startsWith('>') ? above : below
}

/** The series of a rule over phases, given as steps each; `share` drops or resets some of them at random. */
export function seriesOf(
  rule: AlertRule,
  steps: readonly (Phase | 'gone')[],
  intervalS: number,
  chance: { readonly number: () => number; readonly missing: number; readonly reset: number } = {
    number: () => 1,
    missing: 0,
    reset: 0,
  },
): Series[] {
  const metrics = [...new Set(termsOf(rule.condition).map(({ metric }) => metric))]
  const isCounter = (metric: string) => familyOf(metric)?.type === 'counter'
  return metrics.flatMap((metric) => {
    const names = familyOf(metric)?.labels ?? []
    return labelSets(names).map((labels, place) => {
      let total = 1e9
      const values = steps.map((step) => {
        if (step === 'gone' || chance.number() < chance.missing) return undefined
        const number = numberOf(rule, metric, step)
        if (!isCounter(metric)) return number
        if (chance.number() < chance.reset) total = 0
        // Of the kinds of checkpoints only one grows more when it is due.
        total += ((labels.kind === 'timed' ? 12 : number * (place === 0 ? 1 : 0.9)) * intervalS) / 3600
        return total
      })
      return { metric, labels, values }
    })
  })
}

/** Two sets of labels where a metric has any; all values of those that rules ask for. */
function labelSets(names: readonly string[]): Record<string, string>[] {
  if (names.length === 0) return [{}]
  const fixed = names.find((name) => name in LABELS)
  if (fixed !== undefined) {
    return (LABELS[fixed] as readonly string[]).map((value) =>
      Object.fromEntries(names.map((name) => [name, name === fixed ? value : `${name} 1`])),
    )
  }
  return [1, 2].map((number) => Object.fromEntries(names.map((name) => [name, `${name} ${number}`])))
}

/** Seconds that a rule looks back or waits for. */
export function reachOf(rule: AlertRule): number {
  return Math.max(rule.forS, windowOf(rule.condition))
}
