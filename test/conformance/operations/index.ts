import type { StoreOperation } from '../operation.js'
import { LEARNING } from './learning.js'
import { RECORDS } from './records.js'
import { VECTORS } from './vectors.js'

/** Every public operation of every store, a list for each part. */
export const OPERATIONS: readonly StoreOperation[] = [...LEARNING, ...RECORDS, ...VECTORS]
