import type { AlertRule } from '../rule.js'
import { archiverFailing } from './archiver-failing.js'
import { autovacuumOverdue } from './autovacuum-overdue.js'
import { autovacuumQueue } from './autovacuum-queue.js'
import { backupMissing } from './backup-missing.js'
import { backupOld } from './backup-old.js'
import { batchFailures } from './batch-failures.js'
import { cacheReads } from './cache-reads.js'
import { checkpointsRequested } from './checkpoints-requested.js'
import { checksumFailures } from './checksum-failures.js'
import { collectionFailing } from './collection-failing.js'
import { connectionsExhausted } from './connections-exhausted.js'
import { connectionsHigh } from './connections-high.js'
import { deadRows } from './dead-rows.js'
import { deadlocks } from './deadlocks.js'
import { defaultPartitionRows } from './default-partition-rows.js'
import { erasureUnfinished } from './erasure-unfinished.js'
import { idleInTransaction } from './idle-in-transaction.js'
import { jobsExpired } from './jobs-expired.js'
import { jobsWaiting } from './jobs-waiting.js'
import { lockQueue } from './lock-queue.js'
import { longTransaction } from './long-transaction.js'
import { maintenanceFailing } from './maintenance-failing.js'
import { maintenanceStopped } from './maintenance-stopped.js'
import { monitorSilent } from './monitor-silent.js'
import { multixactIdWraparound } from './multixact-id-wraparound.js'
import { partitionLead } from './partition-lead.js'
import { partitionMissing } from './partition-missing.js'
import { poolExhausted } from './pool-exhausted.js'
import { poolWaiting } from './pool-waiting.js'
import { poolerDown } from './pooler-down.js'
import { preparedTransaction } from './prepared-transaction.js'
import { replicaDisconnected } from './replica-disconnected.js'
import { replicationLag } from './replication-lag.js'
import { replicationSlotInactive } from './replication-slot-inactive.js'
import { replicationSlotLost } from './replication-slot-lost.js'
import { replicationSlotRetention } from './replication-slot-retention.js'
import { restartPending } from './restart-pending.js'
import { rollbacks } from './rollbacks.js'
import { serverDown } from './server-down.js'
import { slowStatements } from './slow-statements.js'
import { temporaryFiles } from './temporary-files.js'
import { transactionIdWraparound } from './transaction-id-wraparound.js'
import { vectorRecall } from './vector-recall.js'
import { walDirectory } from './wal-directory.js'
import { xminHorizon } from './xmin-horizon.js'
import { xminHorizonFar } from './xmin-horizon-far.js'

/** Every rule, in the order of the docs: the server, sessions, vacuum, replication, load, tables, the fleet. */
export const RULES: readonly AlertRule[] = Object.freeze([
  serverDown,
  monitorSilent,
  collectionFailing,
  connectionsHigh,
  connectionsExhausted,
  idleInTransaction,
  longTransaction,
  preparedTransaction,
  lockQueue,
  xminHorizon,
  xminHorizonFar,
  transactionIdWraparound,
  multixactIdWraparound,
  replicationLag,
  replicaDisconnected,
  replicationSlotInactive,
  replicationSlotRetention,
  replicationSlotLost,
  archiverFailing,
  walDirectory,
  checkpointsRequested,
  deadlocks,
  temporaryFiles,
  cacheReads,
  rollbacks,
  checksumFailures,
  autovacuumOverdue,
  autovacuumQueue,
  deadRows,
  partitionMissing,
  partitionLead,
  defaultPartitionRows,
  jobsWaiting,
  jobsExpired,
  maintenanceStopped,
  maintenanceFailing,
  backupOld,
  backupMissing,
  poolWaiting,
  poolExhausted,
  poolerDown,
  vectorRecall,
  batchFailures,
  erasureUnfinished,
  restartPending,
  slowStatements,
])

/** The rule of an id; undefined when there is none. */
export function ruleOf(id: string): AlertRule | undefined {
  return RULES.find((rule) => rule.id === id)
}
