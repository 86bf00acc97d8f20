import { z } from 'zod'
import { type Condition, condition } from '../../../condition.js'
import { ACTION_LENGTH_MAX, type Json, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import { decodeEmbedding, type Embedding, embedding, encodeDirection } from './embedding.js'
import { moment, scope } from './vector-key.js'

/** A half-open range of time: from `from`, up to but not including `to`; either may be left out. */
export interface TimeRange {
  readonly from?: Date
  readonly to?: Date
}

/** What is looked for, and how. */
export interface VectorSearchOptions {
  /** Most vectors returned, 1 to 1000. @default 10 */
  readonly k?: number
  /** Of that scope alone. @default all scopes */
  readonly scope?: string
  /** What the metadata must hold, at most 8192 characters of JSON: `{ language: 'ts', stars: { $gte: 10 } }`. */
  readonly filter?: Condition
  /** Least similarity, [-1, 1]. */
  readonly threshold?: number
  /** When what it tells of happened; a vector without an event time is in no range. */
  readonly eventTime?: TimeRange
  /** When it was stored first. */
  readonly createdAt?: TimeRange
  /**
   * How much is compared: `fast` and `balanced` scan the index with the candidates set for the dimension (20 and 40 unless
   * changed), `exact` compares every vector that meets the conditions. See docs/vectors.md for the recall of each. @default 'balanced'
   */
  readonly accuracy?: 'fast' | 'balanced' | 'exact'
  /** Candidates of the index scan instead of the accuracy's, 1 to 1000; at least k are taken. */
  readonly efSearch?: number
  /** Return the embeddings too: 4 to 20 KB each. @default false */
  readonly includeEmbedding?: boolean
}

/** One of many searches. */
export interface VectorSearch extends VectorSearchOptions {
  readonly embedding: Embedding
}

/** A search by embedding and by words. */
export interface HybridSearch extends VectorSearch {
  /** What is looked for in the contents: 1 to 2000 characters. */
  readonly text: string
  /**
   * `all`: every word must be there; "a phrase", `or` and -not are understood. `any`: one word is enough, more rank higher.
   * @default 'all'
   */
  readonly match?: 'all' | 'any'
  /** Weights of the two lists, [0, 1000]; a list of weight 0 is left out, and one of them must not be 0. @default 1 each */
  readonly weights?: { readonly vector?: number; readonly text?: number }
  /** What is added to each rank before it divides: the larger, the less the first places stand out. [0, 10000] @default 60 */
  readonly rankConstant?: number
  /** Length of each of the two lists, 1 to 1000. @default the greater of 50 and 2 k */
  readonly candidates?: number
}

/** A vector that a search found. */
export interface FoundVector {
  readonly id: string
  readonly scope: string
  /** 1 - cosine distance: 1 for the same direction, 0 for a right angle, -1 for the opposite one. */
  readonly similarity: number
  readonly metadata: Record<string, Json>
  readonly content: string | null
  readonly eventTime: Date | null
  readonly expiresAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** When the search asked for it. */
  readonly embedding?: number[]
}

/** A vector that a hybrid search found. */
export interface FoundHybrid extends FoundVector {
  /** Sum over the lists of weight / (rankConstant + rank). */
  readonly score: number
  /** Its place among the nearest, from 1; null when it is not in that list. */
  readonly vectorRank: number | null
  /** Its place among those with the words, from 1; null when it is not in that list. */
  readonly textRank: number | null
}

const range = z.strictObject({ from: moment.optional(), to: moment.optional() }).superRefine((value, context) => {
  if (value.from !== undefined && value.to !== undefined && value.from >= value.to) {
    context.addIssue({ code: 'custom', message: 'a range ends after it begins', path: ['to'] })
  }
})
const searchMembers = {
  embedding,
  k: z.int().min(1).max(1000).default(10),
  scope: scope.optional(),
  filter: condition.optional(),
  threshold: z.number().min(-1).max(1).optional(),
  eventTime: range.optional(),
  createdAt: range.optional(),
  accuracy: z.enum(['fast', 'balanced', 'exact']).default('balanced'),
  efSearch: z.int().min(1).max(1000).optional(),
  includeEmbedding: z.boolean().default(false),
}
const search = z.strictObject(searchMembers)
const weight = z.number().min(0).max(1000).default(1)
const hybrid = z.strictObject({
  ...searchMembers,
  text: text(1, 2000),
  match: z.enum(['all', 'any']).default('all'),
  weights: z
    .strictObject({ vector: weight, text: weight })
    .default({ vector: 1, text: 1 })
    .refine(({ vector, text }) => vector + text > 0, 'one of the weights is not 0'),
  rankConstant: z.number().min(0).max(10_000).default(60),
  candidates: z.int().min(1).max(1000).optional(),
})

type Search = z.output<typeof search>
type Hybrid = z.output<typeof hybrid>
/** A search whose filter was made JSON. */
type Prepared<Item> = { readonly item: Item; readonly filter: string | undefined }

interface Row {
  readonly vectors: readonly (Omit<FoundVector, 'embedding'> & { readonly embedding: string | null })[]
}

export const SEARCH_VECTORS: Operation<Prepared<Search>, Row, FoundVector[]> = {
  name: 'memory.searchVectors',
  statement: statement(
    'memory.search_vectors',
    'select ordinal, vectors from memory.search_vectors($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 200,
  encode: ({ item, filter }) => encode(item, filter, {}),
  decode: (row) => (row?.vectors ?? []).map(toFound),
  isIdempotent: () => true,
}

export const SEARCH_HYBRID: Operation<Prepared<Hybrid>, Row, FoundHybrid[]> = {
  name: 'memory.searchHybrid',
  statement: statement(
    'memory.search_hybrid',
    'select ordinal, vectors from memory.search_hybrid($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 200,
  encode: ({ item, filter }) =>
    encode(item, filter, {
      text: item.text,
      match: item.match,
      vector_weight: item.weights.vector,
      text_weight: item.weights.text,
      rank_constant: item.rankConstant,
      candidates: item.candidates,
    }),
  decode: (row) => (row?.vectors ?? []).map((found) => toFound(found) as FoundHybrid),
  isIdempotent: () => true,
}

/** The nearest vectors of each search, in the order of the searches. */
export async function searchVectors(
  session: Session,
  searches: readonly VectorSearch[],
  options?: CallOptions,
): Promise<FoundVector[][]> {
  const items = check('searches', z.array(search).max(SEARCH_VECTORS.itemsMax), searches)
  return await session.submit(SEARCH_VECTORS, items.map(prepare), options)
}

/** The same by embedding and words. */
export async function searchHybrid(
  session: Session,
  searches: readonly HybridSearch[],
  options?: CallOptions,
): Promise<FoundHybrid[][]> {
  const items = check('searches', z.array(hybrid).max(SEARCH_HYBRID.itemsMax), searches)
  return await session.submit(SEARCH_HYBRID, items.map(prepare), options)
}

function prepare<Item extends Search>(item: Item, index: number): Prepared<Item> {
  const field = `searches[${index}].filter`
  return { item, filter: item.filter && toJson(field, item.filter, ACTION_LENGTH_MAX) }
}

/** Members that are undefined are left out, so that searches of the same shape look the same. */
function encode(item: Search, filter: string | undefined, more: Record<string, unknown>): string {
  const rest = JSON.stringify({
    dimensions: item.embedding.length,
    k: item.k,
    scope: item.scope,
    threshold: item.threshold,
    event_from: item.eventTime?.from,
    event_to: item.eventTime?.to,
    created_from: item.createdAt?.from,
    created_to: item.createdAt?.to,
    accuracy: item.accuracy,
    ef_search: item.efSearch,
    include_embedding: item.includeEmbedding || undefined,
    ...more,
  })
  return `{"embedding":"${encodeDirection(item.embedding)}",${filter === undefined ? '' : `"filter":${filter},`}${rest.slice(1)}`
}

function toFound({ embedding, ...found }: Row['vectors'][number]): FoundVector {
  const date = (value: unknown) => (value === null ? null : new Date(value as string))
  return {
    ...found,
    eventTime: date(found.eventTime),
    expiresAt: date(found.expiresAt),
    createdAt: new Date(found.createdAt),
    updatedAt: new Date(found.updatedAt),
    ...(embedding === null ? {} : { embedding: decodeEmbedding(embedding) }),
  }
}
