import type { Rule } from '../rule.js'
import { autovacuumDisabled } from './definition/autovacuum-disabled.js'
import { columnType } from './definition/column-type.js'
import { constantIndexKey } from './definition/constant-index-key.js'
import { duplicateName } from './definition/duplicate-name.js'
import { enumType } from './definition/enum-type.js'
import { foreignKeyTarget } from './definition/foreign-key-target.js'
import { foreignKeyWithoutIndex } from './definition/foreign-key-without-index.js'
import { ginOnScalar } from './definition/gin-on-scalar.js'
import { identifierTooLong } from './definition/identifier-too-long.js'
import { indexBreaksHot } from './definition/index-breaks-hot.js'
import { indexRedundant } from './definition/index-redundant.js'
import { integerKey } from './definition/integer-key.js'
import { md5Password } from './definition/md5-password.js'
import { newerSyntax } from './definition/newer-syntax.js'
import { numericMeasure } from './definition/numeric-measure.js'
import { parentStorageParameters } from './definition/parent-storage-parameters.js'
import { policySetting } from './definition/policy-setting.js'
import { rowSecurityNotForced } from './definition/row-security-not-forced.js'
import { rowSecurityOff } from './definition/row-security-off.js'
import { securityDefinerPath } from './definition/security-definer-path.js'
import { sequenceBurn } from './definition/sequence-burn.js'
import { tableVacuumCost } from './definition/table-vacuum-cost.js'
import { textHash } from './definition/text-hash.js'
import { textSearchNull } from './definition/text-search-null.js'
import { uniqueWithoutPartitionKey } from './definition/unique-without-partition-key.js'
import { unloggedTable } from './definition/unlogged-table.js'
import { vacuousIndexPredicate } from './definition/vacuous-index-predicate.js'
import { viewSecurityInvoker } from './definition/view-security-invoker.js'
import { volatileIndex } from './definition/volatile-index.js'
import { addColumnNotNull } from './migration/add-column-not-null.js'
import { addColumnDefault } from './migration/add-column-volatile-default.js'
import { alterTableRepeated } from './migration/alter-table-repeated.js'
import { attachPartition } from './migration/attach-without-check.js'
import { attachWithoutKey } from './migration/attach-without-key.js'
import { backfill } from './migration/backfill-under-lock.js'
import { changeType } from './migration/change-type.js'
import { constraintBuildsIndex } from './migration/constraint-builds-index.js'
import { constraintNotValid } from './migration/constraint-without-not-valid.js'
import { detachPartition } from './migration/detach-without-concurrently.js'
import { dropCascade } from './migration/drop-cascade.js'
import { dropIndexWithoutConcurrently } from './migration/drop-index-without-concurrently.js'
import { dropNotNull } from './migration/drop-not-null.js'
import { dropTable } from './migration/drop-table.js'
import { enumValue } from './migration/enum-value-used.js'
import { indexWithoutConcurrently } from './migration/index-without-concurrently.js'
import { lockTimeout } from './migration/lock-timeout-missing.js'
import { notInTransaction } from './migration/not-in-transaction.js'
import { primaryKeyNullable } from './migration/primary-key-nullable.js'
import { refreshView } from './migration/refresh-without-concurrently.js'
import { reindexWithoutConcurrently } from './migration/reindex-without-concurrently.js'
import { rename } from './migration/rename.js'
import { rewriteTable } from './migration/rewrite-table.js'
import { setNotNull } from './migration/set-not-null.js'
import { transactionNesting } from './migration/transaction-nesting.js'
import { truncate } from './migration/truncate.js'
import { validateTogether } from './migration/validate-in-same-transaction.js'
import { workUnderLock } from './migration/work-under-lock.js'
import { bloatFromSize } from './monitoring/bloat-from-size.js'
import { blockingByJoin } from './monitoring/blocking-by-join.js'
import { hitRatio } from './monitoring/cumulative-hit-ratio.js'
import { deadTupleCount } from './monitoring/dead-tuple-count.js'
import { orderByMeanTime } from './monitoring/order-by-mean-time.js'
import { unknownColumn } from './monitoring/unknown-system-column.js'
import { poolerAuth } from './pooler/pooler-auth.js'
import { poolerListen } from './pooler/pooler-listen.js'
import { poolerPreparedStatements } from './pooler/pooler-prepared-statements.js'
import { poolerResetQuery } from './pooler/pooler-reset-query.js'
import { poolerSetting } from './pooler/pooler-setting.js'
import { poolerStatementMode } from './pooler/pooler-statement-mode.js'
import { poolerSum } from './pooler/pooler-sum.js'
import { poolerWatched } from './pooler/pooler-watched.js'
import { bufferCleared } from './program/buffer-cleared-after-await.js'
import { connectionUrl } from './program/connection-url.js'
import { poolOption } from './program/pool-option.js'
import { queryInLoop } from './program/query-in-loop.js'
import { rollbackHidesError } from './program/rollback-hides-error.js'
import { countToExist } from './query/count-to-exist.js'
import { distinctOverJoin } from './query/distinct-over-join.js'
import { extractField } from './query/extract-field.js'
import { jsonbOperatorData } from './query/jsonb-operator-data.js'
import { jsonbUnindexed } from './query/jsonb-unindexed.js'
import { keysetTie } from './query/keyset-tie.js'
import { notInSubquery } from './query/not-in-subquery.js'
import { offsetPagination } from './query/offset-pagination.js'
import { orConditions } from './query/or-conditions.js'
import { orderByRandom } from './query/order-by-random.js'
import { partitionKeyMissing } from './query/partition-key-missing.js'
import { quotedSize } from './query/relation-name-joined.js'
import { selectStar } from './query/select-star.js'
import { tenantPredicate } from './query/tenant-predicate.js'
import { unindexableCondition } from './query/unindexable-condition.js'
import { unionDistinct } from './query/union-distinct.js'
import { sessionSetting } from './session/session-setting.js'
import { setLocalOutside } from './session/set-local-outside.js'
import { superuserSetting } from './session/superuser-setting.js'
import { unknownSessionSetting } from './session/unknown-session-setting.js'
import { asynchronousCommit } from './settings/asynchronous-commit.js'
import { checkpointBySize } from './settings/checkpoint-by-size.js'
import { dangerousSetting } from './settings/dangerous-setting.js'
import { listenWithoutTls } from './settings/listen-without-tls.js'
import { memorySum } from './settings/memory-sum.js'
import { passwordEncryption } from './settings/password-encryption-md5.js'
import { settingDuplicate } from './settings/setting-duplicate.js'
import { settingValue } from './settings/setting-value.js'
import { unknownSetting } from './settings/unknown-setting.js'
import { vacuumBudget } from './settings/vacuum-budget.js'
import { vacuumMemory } from './settings/vacuum-memory.js'
import { vectorDistanceThreshold } from './vector/vector-distance-threshold.js'
import { vectorFilter } from './vector/vector-filter.js'
import { vectorIndexLimits } from './vector/vector-index-limits.js'
import { vectorLiteral } from './vector/vector-literal.js'
import { vectorOperatorClass } from './vector/vector-operator-class.js'
import { vectorOrderWithoutLimit } from './vector/vector-order.js'
import { copyServerFile } from './write/copy-server-file.js'
import { lockUnordered } from './write/lock-unordered.js'
import { upsertAverages } from './write/upsert-averages.js'
import { upsertKeepsExpiry } from './write/upsert-keeps-expiry.js'
import { upsertLosesUpdate } from './write/upsert-loses-update.js'
import { upsertUnordered } from './write/upsert-unordered.js'
import { writeWithoutWhere } from './write/write-without-where.js'

export { ASKED, OWN_FINDINGS } from './own.js'

/** Every rule, in the order of their names. */
export const RULES: readonly Rule[] = [
  addColumnDefault,
  addColumnNotNull,
  alterTableRepeated,
  asynchronousCommit,
  attachPartition,
  attachWithoutKey,
  autovacuumDisabled,
  backfill,
  bloatFromSize,
  blockingByJoin,
  bufferCleared,
  changeType,
  checkpointBySize,
  columnType,
  connectionUrl,
  constantIndexKey,
  constraintBuildsIndex,
  constraintNotValid,
  copyServerFile,
  countToExist,
  dangerousSetting,
  deadTupleCount,
  detachPartition,
  distinctOverJoin,
  dropCascade,
  dropIndexWithoutConcurrently,
  dropNotNull,
  dropTable,
  duplicateName,
  enumValue,
  enumType,
  extractField,
  foreignKeyWithoutIndex,
  foreignKeyTarget,
  ginOnScalar,
  hitRatio,
  identifierTooLong,
  indexBreaksHot,
  indexRedundant,
  indexWithoutConcurrently,
  integerKey,
  jsonbOperatorData,
  jsonbUnindexed,
  keysetTie,
  listenWithoutTls,
  lockTimeout,
  lockUnordered,
  md5Password,
  memorySum,
  newerSyntax,
  notInSubquery,
  notInTransaction,
  numericMeasure,
  offsetPagination,
  orConditions,
  orderByMeanTime,
  orderByRandom,
  parentStorageParameters,
  partitionKeyMissing,
  passwordEncryption,
  policySetting,
  primaryKeyNullable,
  poolOption,
  poolerAuth,
  poolerListen,
  poolerPreparedStatements,
  poolerResetQuery,
  poolerSetting,
  poolerStatementMode,
  poolerSum,
  poolerWatched,
  queryInLoop,
  quotedSize,
  refreshView,
  reindexWithoutConcurrently,
  rename,
  rewriteTable,
  rollbackHidesError,
  rowSecurityNotForced,
  rowSecurityOff,
  securityDefinerPath,
  selectStar,
  sequenceBurn,
  sessionSetting,
  setLocalOutside,
  setNotNull,
  settingDuplicate,
  settingValue,
  superuserSetting,
  tableVacuumCost,
  tenantPredicate,
  textHash,
  textSearchNull,
  transactionNesting,
  truncate,
  unindexableCondition,
  unionDistinct,
  uniqueWithoutPartitionKey,
  unknownColumn,
  unknownSessionSetting,
  unknownSetting,
  unloggedTable,
  upsertAverages,
  upsertKeepsExpiry,
  upsertLosesUpdate,
  upsertUnordered,
  vacuousIndexPredicate,
  vacuumBudget,
  vacuumMemory,
  validateTogether,
  workUnderLock,
  vectorDistanceThreshold,
  vectorFilter,
  vectorIndexLimits,
  vectorLiteral,
  vectorOperatorClass,
  vectorOrderWithoutLimit,
  viewSecurityInvoker,
  volatileIndex,
  writeWithoutWhere,
].sort((a: Rule, b: Rule) => (a.id < b.id ? -1 : 1))
