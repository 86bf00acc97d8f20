import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { type Json, STATE_LENGTH_MAX, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { check, members, text } from '../../../input.js'
import {
  COMPONENT_BYTES,
  componentsHead,
  decodeEmbedding,
  type Embedding,
  embedding,
  encodeComponents,
} from './embedding.js'
import { DEFAULT_SCOPE, moment, scope, type VectorKey, vectorKey } from './vector-key.js'
import {
  type FoundHybrid,
  type FoundVector,
  type HybridSearch,
  SEARCH_HYBRID,
  SEARCH_VECTORS,
  searchHybrid,
  searchVectors,
  type VectorSearch,
  type VectorSearchOptions,
} from './vector-search.js'

/** A vector to keep. */
export interface NewVector {
  /** A UUID; scope and id identify it among those of its dimensions. @default a new UUIDv7, which makes a retry safe too */
  readonly id?: string
  /** The collection it belongs to, 1 to 200 characters. @default 'default' */
  readonly scope?: string
  /** 1 to 4000 components; there must be a table of so many dimensions: 384, 768, 1536, 3072, and those that were added. */
  readonly embedding: Embedding
  /** Any JSON members, at most 65536 characters. @default {} */
  readonly metadata?: Record<string, Json>
  /** The text that the embedding stands for, at most 65536 characters; what a hybrid search reads. */
  readonly content?: string
  /** When what it tells of happened. */
  readonly eventTime?: Date
  /** When it is gone. Give this or `ttlSeconds`. @default never */
  readonly expiresAt?: Date
  /** How long it is kept from now, in seconds, up to a hundred years; every upsert gives it anew. */
  readonly ttlSeconds?: number
}

/** What became of a vector that was kept. */
export interface UpsertedVector {
  readonly id: string
  /** It was not there before, or had expired. */
  readonly created: boolean
}

/** A vector as it is kept. Components are single precision, above 2000 dimensions half precision. */
export interface StoredVector {
  readonly id: string
  readonly scope: string
  readonly embedding: number[]
  readonly metadata: Record<string, Json>
  readonly content: string | null
  readonly eventTime: Date | null
  readonly expiresAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A change of a vector's metadata. */
export interface MetadataChange extends VectorKey {
  /** At most 65536 characters of JSON; the whole may grow to 131072. */
  readonly metadata: Record<string, Json>
  /** `merge`: members given replace those of the same name. `replace`: they replace all. @default 'merge' */
  readonly mode?: 'merge' | 'replace'
}

/** Vectors of one scope and dimension. */
export interface VectorStatistics {
  readonly scope: string
  readonly dimensions: number
  /** Those that have not expired, as the counts below, `expired` aside. */
  readonly vectors: number
  /** Those with a content. */
  readonly contents: number
  /** Those that `deleteExpired` would remove. */
  readonly expired: number
  readonly oldest: Date | null
  readonly newest: Date | null
}

/** The vectors of one tenant. */
export interface Vectors {
  /**
   * Keeps vectors; one that is there (scope, id, dimensions) is replaced as a whole. All of a call or none, at most 500.
   * Errors: INPUT_INVALID, VECTOR_DIMENSION_UNKNOWN.
   */
  upsert(vector: NewVector, options?: CallOptions): Promise<UpsertedVector>
  upsert(vectors: readonly NewVector[], options?: CallOptions): Promise<UpsertedVector[]>
  /** The vectors nearest to an embedding by cosine distance, the most similar first. Errors: as `upsert`. */
  search(embedding: Embedding, options?: VectorSearchOptions & CallOptions): Promise<FoundVector[]>
  /** At most 200 searches in one statement. */
  searchMany(searches: readonly VectorSearch[], options?: CallOptions): Promise<FoundVector[][]>
  /** The vectors that are near and have the words, the highest score first. Errors: as `upsert`. */
  searchHybrid(search: HybridSearch, options?: CallOptions): Promise<FoundHybrid[]>
  searchHybrid(searches: readonly HybridSearch[], options?: CallOptions): Promise<FoundHybrid[][]>
  /** Undefined for what is not there. At most 500 a call. */
  get(key: VectorKey, options?: CallOptions): Promise<StoredVector | undefined>
  get(keys: readonly VectorKey[], options?: CallOptions): Promise<(StoredVector | undefined)[]>
  /** Whether each was there. At most 500 a call. */
  updateMetadata(change: MetadataChange, options?: CallOptions): Promise<boolean>
  updateMetadata(changes: readonly MetadataChange[], options?: CallOptions): Promise<boolean[]>
  /** Whether each was there. At most 1000 a call. */
  delete(key: VectorKey, options?: CallOptions): Promise<boolean>
  delete(keys: readonly VectorKey[], options?: CallOptions): Promise<boolean[]>
  /** Removes every vector of a scope, of all dimensions; how many. */
  deleteScope(scope: string, options?: CallOptions): Promise<number>
  /** Frees the space of vectors that have expired, at most `limit` of each dimension; how many. @default limit 10000 */
  deleteExpired(options?: { limit?: number } & CallOptions): Promise<number>
  /** Counts; reads every row. */
  stats(options?: { scope?: string } & CallOptions): Promise<VectorStatistics[]>
  /** The scopes by name, `limit` at a time; `after` continues behind that one. @default limit 100 */
  scopes(options?: { after?: string; limit?: number } & CallOptions): Promise<{ scope: string; dimensions: number[] }[]>
}

const newVector = z
  .strictObject({
    id: z.uuid().optional(),
    scope: scope.default(DEFAULT_SCOPE),
    embedding,
    metadata: members.default({}),
    content: text(0, STATE_LENGTH_MAX).optional(),
    eventTime: moment.optional(),
    expiresAt: moment.optional(),
    ttlSeconds: z.number().min(1).max(3_155_760_000).optional(),
  })
  .refine((vector) => vector.expiresAt === undefined || vector.ttlSeconds === undefined, {
    message: 'give expiresAt or ttlSeconds, not both',
    path: ['ttlSeconds'],
  })
const newVectors = z.array(newVector).max(500)
const change = vectorKey.extend({ metadata: members, mode: z.enum(['merge', 'replace']).default('merge') })

/** A checked item whose metadata was made JSON. */
type WithMetadata<Item> = { readonly item: Item; readonly metadata: string }
type Key = z.output<typeof vectorKey>

export const UPSERT_VECTORS: Operation<
  WithMetadata<Omit<z.output<typeof newVector>, 'embedding'> & { readonly id: string }> & {
    readonly components: Buffer
  },
  { vector_id: string; created: boolean },
  UpsertedVector
> = {
  name: 'memory.upsertVectors',
  statement: statement(
    'memory.upsert_vectors',
    'select ordinal, vector_id, created from memory.upsert_vectors($1::text, $2::jsonb, $3::real[])',
  ),
  writes: true,
  itemsMax: 500,
  encode: ({ item, metadata, components }) => {
    const rest = JSON.stringify({
      scope: item.scope,
      id: item.id,
      dimensions: components.byteLength / COMPONENT_BYTES,
      content: item.content,
      event_time: item.eventTime,
      expires_at: item.expiresAt,
      ttl_seconds: item.ttlSeconds,
    })
    return `{"metadata":${metadata},${rest.slice(1)}`
  },
  attach: ({ components }) => components,
  attachHead: componentsHead,
  decode: (row) => {
    if (row === undefined) throw new Error('memory.upsert_vectors returned no row for a vector')
    return { id: row.vector_id, created: row.created }
  },
  isIdempotent: () => true,
}

type VectorRow = { readonly vector: Omit<StoredVector, 'embedding'> & { readonly embedding: string } }

export const GET_VECTORS: Operation<Key, VectorRow, StoredVector | undefined> = {
  name: 'memory.getVectors',
  statement: statement('memory.get_vectors', 'select ordinal, vector from memory.get_vectors($1::text, $2::jsonb)'),
  writes: false,
  itemsMax: 500,
  encode: (key) => JSON.stringify(key),
  decode: (row) => row && toStored(row.vector),
  isIdempotent: () => true,
}

export const UPDATE_METADATA: Operation<WithMetadata<z.output<typeof change>>, { updated: boolean }, boolean> = {
  name: 'memory.updateVectorMetadata',
  statement: statement(
    'memory.update_vector_metadata',
    'select ordinal, updated from memory.update_vector_metadata($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 500,
  encode: ({ item, metadata }) => {
    const { id, scope, dimensions, mode } = item
    return `{"metadata":${metadata},${JSON.stringify({ id, scope, dimensions, replaces: mode === 'replace' }).slice(1)}`
  },
  decode: (row) => row?.updated ?? false,
  isIdempotent: () => true,
}

export const DELETE_VECTORS: Operation<Key, { deleted: boolean }, boolean> = {
  name: 'memory.deleteVectors',
  statement: statement(
    'memory.delete_vectors',
    'select ordinal, deleted from memory.delete_vectors($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (key) => JSON.stringify(key),
  decode: (row) => row?.deleted ?? false,
  // A repetition after a lost connection finds nothing: the row is gone all the same, but the answer would be wrong.
  isIdempotent: () => false,
}

const DELETE_SCOPE = statement<{ deleted: number }>(
  'memory.delete_vector_scope',
  'select memory.delete_vector_scope($1::text, $2::text) as deleted',
)

const DELETE_EXPIRED = statement<{ deleted: number }>(
  'memory.delete_expired_vectors',
  'select memory.delete_expired_vectors($1::text, $2::integer) as deleted',
)

const STATS = readStatement<VectorStatistics>(
  'memory.vector_stats',
  `select s.scope, s.dimensions, s.vectors, s.contents, s.expired, s.oldest, s.newest
  from memory.vector_stats($1::text, $2::text) s
  order by s.scope collate "C", s.dimensions`,
)

const SCOPES = readStatement<{ scope: string; dimensions: number[] }>(
  'memory.vector_scopes',
  'select s.scope, s.dimensions from memory.vector_scopes($1::text, $2::text, $3::integer) s',
)

export const VECTOR_STATEMENTS: readonly Statement<unknown>[] = [
  ...[UPSERT_VECTORS, GET_VECTORS, UPDATE_METADATA, DELETE_VECTORS, SEARCH_VECTORS, SEARCH_HYBRID].map(
    (operation: Pick<Operation<never, unknown, unknown>, 'statement'>) => operation.statement as Statement<unknown>,
  ),
  DELETE_SCOPE,
  DELETE_EXPIRED,
  STATS,
  SCOPES,
]

export function createVectors(session: Session): Vectors {
  return {
    upsert: (async (input: NewVector | readonly NewVector[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const items = check('vectors', newVectors, many ? input : [input]).map(({ embedding, ...item }, i) => ({
        item: { ...item, id: item.id ?? uuidv7() },
        components: encodeComponents(embedding),
        metadata: toJson(`vectors[${i}].metadata`, item.metadata, STATE_LENGTH_MAX),
      }))
      const kept = await session.submit(UPSERT_VECTORS, items, options)
      return many ? kept : kept[0]
    }) as Vectors['upsert'],
    async search(embedding, options = {}) {
      const { signal, durability: _, ...search } = options
      return (await searchVectors(session, [{ embedding, ...search }], signal && { signal }))[0] as FoundVector[]
    },
    searchMany: (searches, options) => searchVectors(session, searches, options),
    searchHybrid: (async (input: HybridSearch | readonly HybridSearch[], options?: CallOptions) =>
      Array.isArray(input)
        ? await searchHybrid(session, input, options)
        : (await searchHybrid(session, [input as HybridSearch], options))[0]) as Vectors['searchHybrid'],
    get: (async (input: VectorKey | readonly VectorKey[], options?: CallOptions) => {
      const found = await session.submit(GET_VECTORS, keysOf(input, GET_VECTORS.itemsMax), options)
      return Array.isArray(input) ? found : found[0]
    }) as Vectors['get'],
    updateMetadata: (async (input: MetadataChange | readonly MetadataChange[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const items = check('changes', z.array(change).max(UPDATE_METADATA.itemsMax), many ? input : [input]).map(
        (item, i) => ({
          item,
          metadata: toJson(`changes[${i}].metadata`, item.metadata, STATE_LENGTH_MAX),
        }),
      )
      const updated = await session.submit(UPDATE_METADATA, items, options)
      return many ? updated : updated[0]
    }) as Vectors['updateMetadata'],
    delete: (async (input: VectorKey | readonly VectorKey[], options?: CallOptions) => {
      const deleted = await session.submit(DELETE_VECTORS, keysOf(input, DELETE_VECTORS.itemsMax), options)
      return Array.isArray(input) ? deleted : deleted[0]
    }) as Vectors['delete'],
    async deleteScope(name, options = {}) {
      const rows = await session.query(DELETE_SCOPE, [session.tenant, check('scope', scope, name)], options)
      return rows[0]?.deleted ?? 0
    },
    async deleteExpired(options = {}) {
      const { signal, durability, ...rest } = options
      const limits = z.strictObject({ limit: z.int().min(1).max(1_000_000).default(10_000) })
      const { limit } = check('options', limits, rest)
      const rows = await session.query(DELETE_EXPIRED, [session.tenant, limit], callOptions(signal, durability))
      return rows[0]?.deleted ?? 0
    },
    async stats(options = {}) {
      const { signal, durability, ...rest } = options
      const { scope: name } = check('options', z.strictObject({ scope: scope.optional() }), rest)
      const call = { ...callOptions(signal, durability), idempotent: true }
      return await session.query(STATS, [session.tenant, name ?? null], call)
    },
    async scopes(options = {}) {
      const { signal, durability, ...rest } = options
      const page = z.strictObject({ after: text(0, 200).default(''), limit: z.int().min(1).max(1000).default(100) })
      const { after, limit } = check('options', page, rest)
      const call = { ...callOptions(signal, durability), idempotent: true }
      return await session.query(SCOPES, [session.tenant, after, limit], call)
    },
  }
}

function keysOf(input: VectorKey | readonly VectorKey[], most: number): Key[] {
  return check('keys', z.array(vectorKey).max(most), Array.isArray(input) ? input : [input])
}

function callOptions(signal: CallOptions['signal'], durability: CallOptions['durability']): CallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(durability === undefined ? {} : { durability }) }
}

function toStored(row: VectorRow['vector']): StoredVector {
  return {
    ...row,
    embedding: decodeEmbedding(row.embedding),
    eventTime: row.eventTime && new Date(row.eventTime),
    expiresAt: row.expiresAt && new Date(row.expiresAt),
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
  }
}
