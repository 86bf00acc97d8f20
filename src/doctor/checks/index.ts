import type { Check } from '../check.js'
import { idleInTransaction } from './connections/idle-in-transaction.js'
import { duplicateIndex } from './indexes/duplicate-index.js'
import { foreignKeyIndex } from './indexes/foreign-key-index.js'
import { invalidIndex } from './indexes/invalid-index.js'
import { redundantIndex } from './indexes/redundant-index.js'
import { sequenceExhaustion } from './indexes/sequence-exhaustion.js'
import { defaultPartitionRows } from './partitions/default-partition-rows.js'
import { inactiveSlot } from './replication/inactive-slot.js'
import { preparedTransaction } from './statements/prepared-transaction.js'
import { tableAutovacuumOff } from './vacuum/table-autovacuum-off.js'

/** All checks, by area; a test holds it equal to the files beside it. */
export const CHECKS: readonly Check[] = [
  idleInTransaction,
  tableAutovacuumOff,
  duplicateIndex,
  foreignKeyIndex,
  invalidIndex,
  redundantIndex,
  sequenceExhaustion,
  preparedTransaction,
  inactiveSlot,
  defaultPartitionRows,
]
