import type { Check } from '../check.js'
import { cacheSize } from './connections/cache-size.js'
import { connectionChurn } from './connections/connection-churn.js'
import { connectionUsage } from './connections/connection-usage.js'
import { idleInTransaction } from './connections/idle-in-transaction.js'
import { poolerSettings } from './connections/pooler-settings.js'
import { poolerSum } from './connections/pooler-sum.js'
import { poolerVersion } from './connections/pooler-version.js'
import { poolerWaiting } from './connections/pooler-waiting.js'
import { sessionSet } from './connections/session-set.js'
import { timeouts } from './connections/timeouts.js'
import { worstCaseMemory } from './connections/worst-case-memory.js'
import { columnOrder } from './indexes/column-order.js'
import { duplicateForeignKey } from './indexes/duplicate-foreign-key.js'
import { duplicateIndex } from './indexes/duplicate-index.js'
import { foreignKeyIndex } from './indexes/foreign-key-index.js'
import { foreignKeyNull } from './indexes/foreign-key-null.js'
import { foreignKeyType } from './indexes/foreign-key-type.js'
import { ginPendingList } from './indexes/gin-pending-list.js'
import { indexBloat } from './indexes/index-bloat.js'
import { indexBloatMeasured } from './indexes/index-bloat-measured.js'
import { indexCount } from './indexes/index-count.js'
import { invalidIndex } from './indexes/invalid-index.js'
import { keyOrder } from './indexes/key-order.js'
import { keyType } from './indexes/key-type.js'
import { missingIndex } from './indexes/missing-index.js'
import { needlessIndex } from './indexes/needless-index.js'
import { partialCandidate } from './indexes/partial-candidate.js'
import { partialIndex } from './indexes/partial-index.js'
import { primaryKey } from './indexes/primary-key.js'
import { randomKey } from './indexes/random-key.js'
import { redundantIndex } from './indexes/redundant-index.js'
import { sequenceExhaustion } from './indexes/sequence-exhaustion.js'
import { sequentialScans } from './indexes/sequential-scans.js'
import { unusedIndex } from './indexes/unused-index.js'
import { clock } from './operations/clock.js'
import { collationVersion } from './operations/collation-version.js'
import { constraintNotValid } from './operations/constraint-not-valid.js'
import { cronJob } from './operations/cron-job.js'
import { databaseGrowth } from './operations/database-growth.js'
import { disabledTrigger } from './operations/disabled-trigger.js'
import { extensionSchema } from './operations/extension-schema.js'
import { invalidDatabase } from './operations/invalid-database.js'
import { logging } from './operations/logging.js'
import { materializedView } from './operations/materialized-view.js'
import { orphanedTable } from './operations/orphaned-table.js'
import { statementStatistics } from './operations/statement-statistics.js'
import { unloggedTable } from './operations/unlogged-table.js'
import { upgradeType } from './operations/upgrade-type.js'
import { defaultPartitionRows } from './partitions/default-partition-rows.js'
import { detachPending } from './partitions/detach-pending.js'
import { detachedPartition } from './partitions/detached-partition.js'
import { futureRows } from './partitions/future-rows.js'
import { inheritanceOverlap } from './partitions/inheritance-overlap.js'
import { nextPartition } from './partitions/next-partition.js'
import { partitionCount } from './partitions/partition-count.js'
import { partitionGap } from './partitions/partition-gap.js'
import { partitionIndex } from './partitions/partition-index.js'
import { partitionPruning } from './partitions/partition-pruning.js'
import { partitionSettings } from './partitions/partition-settings.js'
import { partitionTimeZone } from './partitions/partition-time-zone.js'
import { partmanRetention } from './partitions/partman-retention.js'
import { retentionDue } from './partitions/retention-due.js'
import { archiverFailing } from './replication/archiver-failing.js'
import { inactiveSlot } from './replication/inactive-slot.js'
import { pointInTime } from './replication/point-in-time.js'
import { replicationLag } from './replication/replication-lag.js'
import { slotLimit } from './replication/slot-limit.js'
import { standbyConflicts } from './replication/standby-conflicts.js'
import { synchronousStandbys } from './replication/synchronous-standbys.js'
import { walDirectory } from './replication/wal-directory.js'
import { definerSearchPath } from './security/definer-search-path.js'
import { hostAuthentication } from './security/host-authentication.js'
import { md5Password } from './security/md5-password.js'
import { multiplePolicies } from './security/multiple-policies.js'
import { passwordEncryption } from './security/password-encryption.js'
import { permissivePolicy } from './security/permissive-policy.js'
import { publicCreate } from './security/public-create.js'
import { publicWrite } from './security/public-write.js'
import { rlsBypassed } from './security/rls-bypassed.js'
import { rlsDisabled } from './security/rls-disabled.js'
import { rlsIndex } from './security/rls-index.js'
import { rlsIndexUnusable } from './security/rls-index-unusable.js'
import { rlsMissingSetting } from './security/rls-missing-setting.js'
import { rlsPartitionGap } from './security/rls-partition-gap.js'
import { rlsPerRow } from './security/rls-per-row.js'
import { rlsView } from './security/rls-view.js'
import { rlsWithoutPolicy } from './security/rls-without-policy.js'
import { superusers } from './security/superusers.js'
import { checksumFailure } from './settings/checksum-failure.js'
import { configurationFileError } from './settings/configuration-file-error.js'
import { dangerousSetting } from './settings/dangerous-setting.js'
import { dataChecksums } from './settings/data-checksums.js'
import { extensionAdvisory } from './settings/extension-advisory.js'
import { extensionVersion } from './settings/extension-version.js'
import { pendingRestart } from './settings/pending-restart.js'
import { plannerSwitch } from './settings/planner-switch.js'
import { serverVersion } from './settings/server-version.js'
import { settingsDrift } from './settings/settings-drift.js'
import { backendWrites } from './statements/backend-writes.js'
import { cacheReads } from './statements/cache-reads.js'
import { checkpoints } from './statements/checkpoints.js'
import { deadlocks } from './statements/deadlocks.js'
import { fullPageImages } from './statements/full-page-images.js'
import { lockQueue } from './statements/lock-queue.js'
import { longTransaction } from './statements/long-transaction.js'
import { preparedTransaction } from './statements/prepared-transaction.js'
import { rollbacks } from './statements/rollbacks.js'
import { sessionEnds } from './statements/session-ends.js'
import { statementEviction } from './statements/statement-eviction.js'
import { statementLoad } from './statements/statement-load.js'
import { statementSpread } from './statements/statement-spread.js'
import { statementVolume } from './statements/statement-volume.js'
import { temporaryFiles } from './statements/temporary-files.js'
import { temporarySpace } from './statements/temporary-space.js'
import { waitEvents } from './statements/wait-events.js'
import { writeRate } from './statements/write-rate.js'
import { autovacuumCost } from './vacuum/autovacuum-cost.js'
import { autovacuumOff } from './vacuum/autovacuum-off.js'
import { autovacuumScale } from './vacuum/autovacuum-scale.js'
import { autovacuumSettings } from './vacuum/autovacuum-settings.js'
import { deadRows } from './vacuum/dead-rows.js'
import { hotUpdateIndex } from './vacuum/hot-update-index.js'
import { hotUpdates } from './vacuum/hot-updates.js'
import { parentStatistics } from './vacuum/parent-statistics.js'
import { snapshotHorizon } from './vacuum/snapshot-horizon.js'
import { staleStatistics } from './vacuum/stale-statistics.js'
import { tableAutovacuumOff } from './vacuum/table-autovacuum-off.js'
import { tableBloat } from './vacuum/table-bloat.js'
import { tableBloatMeasured } from './vacuum/table-bloat-measured.js'
import { transactionIdAge } from './vacuum/transaction-id-age.js'
import { vacuumBlocked } from './vacuum/vacuum-blocked.js'
import { vacuumPasses } from './vacuum/vacuum-passes.js'
import { vacuumStarved } from './vacuum/vacuum-starved.js'
import { vacuumTime } from './vacuum/vacuum-time.js'
import { visibilityMap } from './vacuum/visibility-map.js'
import { vectorBuildMemory } from './vectors/vector-build-memory.js'
import { vectorDrift } from './vectors/vector-drift.js'
import { vectorFilter } from './vectors/vector-filter.js'
import { vectorGroupRecall } from './vectors/vector-group-recall.js'
import { vectorIndexMemory } from './vectors/vector-index-memory.js'
import { vectorIndexMissing } from './vectors/vector-index-missing.js'
import { vectorOperator } from './vectors/vector-operator.js'
import { vectorRecall } from './vectors/vector-recall.js'
import { vectorSweep } from './vectors/vector-sweep.js'

/** All checks, by area; a test holds it equal to the files beside it. */
export const CHECKS: readonly Check[] = [
  checksumFailure,
  configurationFileError,
  dangerousSetting,
  dataChecksums,
  extensionAdvisory,
  extensionVersion,
  pendingRestart,
  plannerSwitch,
  serverVersion,
  settingsDrift,
  cacheSize,
  connectionChurn,
  connectionUsage,
  idleInTransaction,
  poolerSettings,
  poolerSum,
  poolerVersion,
  poolerWaiting,
  sessionSet,
  timeouts,
  worstCaseMemory,
  autovacuumCost,
  autovacuumOff,
  autovacuumScale,
  autovacuumSettings,
  deadRows,
  hotUpdateIndex,
  hotUpdates,
  parentStatistics,
  snapshotHorizon,
  staleStatistics,
  tableAutovacuumOff,
  tableBloatMeasured,
  tableBloat,
  transactionIdAge,
  vacuumBlocked,
  vacuumPasses,
  vacuumStarved,
  vacuumTime,
  visibilityMap,
  duplicateForeignKey,
  duplicateIndex,
  foreignKeyIndex,
  foreignKeyType,
  ginPendingList,
  indexBloatMeasured,
  indexCount,
  invalidIndex,
  keyOrder,
  keyType,
  partialIndex,
  primaryKey,
  randomKey,
  redundantIndex,
  sequenceExhaustion,
  sequentialScans,
  unusedIndex,
  indexBloat,
  missingIndex,
  needlessIndex,
  foreignKeyNull,
  partialCandidate,
  columnOrder,
  cacheReads,
  checkpoints,
  deadlocks,
  fullPageImages,
  lockQueue,
  longTransaction,
  preparedTransaction,
  rollbacks,
  sessionEnds,
  statementEviction,
  statementLoad,
  temporaryFiles,
  waitEvents,
  temporarySpace,
  writeRate,
  backendWrites,
  statementSpread,
  statementVolume,
  archiverFailing,
  inactiveSlot,
  pointInTime,
  replicationLag,
  slotLimit,
  standbyConflicts,
  synchronousStandbys,
  walDirectory,
  definerSearchPath,
  hostAuthentication,
  md5Password,
  passwordEncryption,
  permissivePolicy,
  publicCreate,
  publicWrite,
  rlsBypassed,
  rlsDisabled,
  rlsIndexUnusable,
  rlsIndex,
  rlsMissingSetting,
  rlsPartitionGap,
  rlsPerRow,
  rlsView,
  rlsWithoutPolicy,
  superusers,
  multiplePolicies,
  defaultPartitionRows,
  nextPartition,
  partitionCount,
  partitionGap,
  partitionIndex,
  futureRows,
  detachPending,
  inheritanceOverlap,
  partitionSettings,
  partitionPruning,
  detachedPartition,
  retentionDue,
  partmanRetention,
  partitionTimeZone,
  vectorFilter,
  vectorIndexMemory,
  vectorIndexMissing,
  vectorOperator,
  vectorRecall,
  vectorDrift,
  vectorSweep,
  vectorGroupRecall,
  vectorBuildMemory,
  collationVersion,
  constraintNotValid,
  cronJob,
  disabledTrigger,
  invalidDatabase,
  logging,
  materializedView,
  orphanedTable,
  statementStatistics,
  unloggedTable,
  databaseGrowth,
  clock,
  extensionSchema,
  upgradeType,
]
