import { z } from 'zod'

const threshold = (value: number, meaning: string) => ({ value, meaning })

/** When checks speak up: defaults and meanings. The unit ends the name: S seconds, Mb megabytes, Share 0 to 1. */
export const THRESHOLDS = {
  idleInTransactionS: threshold(300, 'an idle session with an open transaction is a warning'),
  idleInTransactionErrorS: threshold(900, 'an idle session with an open transaction is an error'),
  longTransactionS: threshold(300, 'a running transaction is a warning'),
  preparedTransactionS: threshold(600, 'a prepared transaction is a warning'),
  preparedTransactionErrorS: threshold(3600, 'a prepared transaction is an error'),
  lockWaitS: threshold(5, 'a wait for a lock is a warning'),
  lockWaitErrorS: threshold(60, 'a wait for a lock is an error'),
  slotInactiveS: threshold(3600, 'an inactive replication slot is a warning'),
  slotRetainedMb: threshold(1024, 'WAL that an inactive slot keeps is an error'),
  replicationLagMb: threshold(100, 'WAL that a standby has not replayed is a warning'),
  archiverFailingS: threshold(300, 'an archiver that only fails is an error'),
  connectionsShare: threshold(0.75, 'connections in use of those allowed are a warning'),
  connectionsErrorShare: threshold(0.9, 'connections in use of those allowed are an error'),
  memoryShare: threshold(0.8, 'memory that the settings allow, of that of the machine, is a warning'),
  memoryErrorShare: threshold(1, 'memory that the settings allow, of that of the machine, is an error'),
  deadRows: threshold(100_000, 'dead rows of a table are a warning, with deadRowsShare'),
  deadRowsShare: threshold(0.2, 'dead rows of all rows of a table are a warning, with deadRows'),
  vacuumRows: threshold(10_000, 'tables with fewer rows are left out of the checks of vacuum'),
  vacuumStarvedS: threshold(86_400, 'a table over its trigger that was not vacuumed for so long is starved'),
  vacuumQueuePerWorker: threshold(5, 'tables over their trigger, for each worker, are a backlog'),
  horizonShare: threshold(0.1, 'age of the oldest snapshot, of autovacuum_freeze_max_age, is a warning'),
  horizonErrorShare: threshold(0.5, 'age of the oldest snapshot, of autovacuum_freeze_max_age, is an error'),
  wraparoundShare: threshold(0.8, 'age of a table or database, of vacuum_failsafe_age, is an error'),
  analyzedParentRows: threshold(1_000, 'partitioned tables with fewer rows need no statistics of their own'),
  parentStatisticsS: threshold(
    86_400,
    'a partitioned table that was analysed while empty lacks statistics after so long',
  ),
  modifiedShare: threshold(0.1, 'rows changed since the last analyze, of all rows, make statistics stale'),
  modifiedRows: threshold(10_000, 'fewer changed rows never make statistics stale'),
  statisticsGraceS: threshold(600, 'autovacuum gets so long to analyse a table before its statistics count as stale'),
  bloatShare: threshold(0.2, 'space of a table that an estimate calls free is a warning, with bloatMb'),
  bloatMb: threshold(1024, 'space of a table that an estimate calls free is a warning, with bloatShare'),
  indexBloatShare: threshold(0.3, 'space of an index that is free is a warning, with indexBloatMb'),
  indexBloatMb: threshold(100, 'space of an index that is free is a warning, with indexBloatShare'),
  hotUpdates: threshold(10_000, 'tables with fewer updates are left out of the check of HOT updates'),
  hotShare: threshold(0.5, 'HOT updates of all updates below it are a warning'),
  unusedIndexDays: threshold(30, 'statistics have to cover so many days before an index counts as unused'),
  unusedIndexMb: threshold(1, 'smaller indexes are not called unused'),
  foreignKeyRows: threshold(1_000, 'a foreign key without an index is a warning when its table has so many rows'),
  sequenceShare: threshold(0.5, 'numbers that a sequence has used up are info'),
  sequenceWarningShare: threshold(0.75, 'numbers that a sequence has used up are a warning'),
  sequenceErrorShare: threshold(0.9, 'numbers that a sequence has used up are an error'),
  indexesPerTable: threshold(10, 'more indexes on a table that is written a lot are info'),
  columnOrderMb: threshold(100, 'space that another order of the columns of a table would save is info'),
  sequentialRows: threshold(10_000, 'rows read by a sequential scan on average, worth a look'),
  partitionsMax: threshold(1000, 'more partitions of a table are a warning'),
  temporaryMbPerHour: threshold(1024, 'temporary files written in an hour are a warning'),
  temporaryMb: threshold(10_240, 'temporary files that are on the disk now are a warning'),
  diskDays: threshold(7, 'days after which the growth has used up what is free on the disk, below it, are a warning'),
  growthShare: threshold(0.05, 'growth of all databases in a day, of their size, is info'),
  checkpointShare: threshold(0.2, 'checkpoints that were asked for, of all, are a warning'),
  fullPageShare: threshold(0.5, 'full-page images of all WAL records are info'),
  rollbackShare: threshold(0.1, 'transactions that were rolled back, of all, are a warning'),
  deadlocksPerHour: threshold(1, 'deadlocks in an hour are a warning'),
  cacheShare: threshold(0.99, 'pages found in the cache while sampling, below it, are info'),
  waitShare: threshold(0.2, 'samples with one wait event, of all with active sessions, are info'),
  statementMs: threshold(20, 'mean time of a statement, worth a look with statementCalls'),
  statementCalls: threshold(100, 'calls of a statement, worth a look with statementMs'),
  superusers: threshold(10, 'more superusers that may log in are a warning'),
  walDirectoryShare: threshold(2, 'size of the WAL directory, of max_wal_size, is a warning'),
  vacuumTimeShare: threshold(0.2, 'time spent vacuuming one table, of the time since a reset, is a warning'),
  vectorRows: threshold(10_000, 'smaller tables of vectors need no index'),
  vectorRecall: threshold(0.9, 'share of the nearest rows that an index finds, below it, is a warning'),
  vectorDrift: threshold(
    0.1,
    'share of the nearest that is found less around new rows than around old ones, is a warning',
  ),
  clockS: threshold(5, 'difference between the clocks of the server and of this machine is a warning'),
  poolWaitS: threshold(1, 'a client that waits for a connection of the pool is a warning'),
  poolWaitErrorS: threshold(5, 'a client that waits for a connection of the pool is an error'),
} as const

/** The name of a threshold. */
export type ThresholdName = keyof typeof THRESHOLDS

/** A value for every threshold. */
export type Thresholds = Readonly<Record<ThresholdName, number>>

/** Some thresholds, as a configuration file or an option gives them. */
export const thresholdsSchema = z.strictObject(
  Object.fromEntries(Object.keys(THRESHOLDS).map((name) => [name, z.number().min(0).optional()])) as Record<
    ThresholdName,
    z.ZodOptional<z.ZodNumber>
  >,
)

/** The defaults, with some of them replaced. */
export function resolveThresholds(given: Partial<Record<ThresholdName, number | undefined>> = {}): Thresholds {
  const values = Object.entries(THRESHOLDS).map(([name, { value }]) => [name, given[name as ThresholdName] ?? value])
  return Object.freeze(Object.fromEntries(values)) as Thresholds
}
