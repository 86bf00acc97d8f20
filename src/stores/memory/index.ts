import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import { VECTOR_DIMENSION_STATEMENTS } from './vector-dimensions.js'
import { createVectors, VECTOR_STATEMENTS, type Vectors } from './vectors.js'

export type { Condition, Test } from '../../condition.js'
export type { Json } from '../../content.js'
export type { Embedding } from './embedding.js'
export {
  type IndexSettings,
  notesOn,
  type VectorDimension,
  type VectorDimensions,
} from './vector-dimensions.js'
export type { VectorKey } from './vector-key.js'
export type {
  FoundHybrid,
  FoundVector,
  HybridSearch,
  TimeRange,
  VectorSearch,
  VectorSearchOptions,
} from './vector-search.js'
export type {
  MetadataChange,
  NewVector,
  StoredVector,
  UpsertedVector,
  VectorStatistics,
  Vectors,
} from './vectors.js'

/** What the agents of one tenant remember. */
export interface MemoryStore {
  readonly vectors: Vectors
}

/** Every statement of the store, for the test that prepares them all. */
export const MEMORY_STATEMENTS: readonly Statement<unknown>[] = [...VECTOR_STATEMENTS, ...VECTOR_DIMENSION_STATEMENTS]

export function createMemoryStore(session: Session): MemoryStore {
  return { vectors: createVectors(session) }
}
