import { z } from 'zod'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import type { Entities, Entity, EntityJson } from './entities.js'
import { entityOfJson } from './entity-json.js'
import { type Moment, moment } from './instant.js'

/** What to look for among the entities. */
export interface EntitySearch {
  /** Words, misspelt ones too: 1 to 1000 characters. */
  readonly query: string
  readonly type?: string
  /** Only what held at this moment. @default now */
  readonly at?: Moment
  /** 1 to 100. @default 10 */
  readonly limit?: number
  /** How much each ranking counts; 0 leaves it out. @default 1 each */
  readonly weights?: {
    /** Full text of names and properties, 0 to 100. */
    readonly text?: number
    /** Similarity of names, by trigrams, 0 to 100. */
    readonly name?: number
  }
}

/** An entity that a search found. */
export interface FoundEntity {
  readonly entity: Entity
  /** Sum over the rankings of weight / (60 + rank): comparable within one search alone. */
  readonly score: number
}

const weight = z.number().min(0).max(100).optional()
const search = z.strictObject({
  query: text(1, 1000),
  type: text(1, 255).optional(),
  at: moment.optional(),
  limit: z.int().min(1).max(100).optional(),
  weights: z.strictObject({ text: weight, name: weight }).optional(),
})
const searches = z.array(search)

interface Found {
  readonly entity: EntityJson
  readonly score: number
}

export const SEARCH_ENTITIES: Operation<z.output<typeof search>, { entities: Found[] }, FoundEntity[]> = {
  name: 'memory.searchEntities',
  statement: statement(
    'memory.search_entities',
    'select ordinal, entities from memory.search_entities($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 200,
  encode: ({ query, type, at, limit, weights }) =>
    JSON.stringify({
      query,
      type,
      valid_at: at,
      max_results: limit,
      text_weight: weights?.text,
      name_weight: weights?.name,
    }),
  decode: (row) => row?.entities.map(({ entity, score }) => ({ entity: entityOfJson(entity), score })) ?? [],
  isIdempotent: () => true,
}

export function searchEntities(session: Session): Entities['search'] {
  return (async (input: EntitySearch | readonly EntitySearch[], options?: CallOptions) => {
    const many = Array.isArray(input)
    const found = await session.submit(SEARCH_ENTITIES, check('searches', searches, many ? input : [input]), options)
    return many ? found : found[0]
  }) as Entities['search']
}
