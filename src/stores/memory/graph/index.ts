import { z } from 'zod'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { check } from '../../../input.js'
import { CHANGE_GRAPH } from './changes.js'
import { createEntities, ENTITY_STATEMENTS, type Entities } from './entities.js'
import { createEpisodes, type Episodes, RECORD_EPISODES } from './episodes.js'
import { type Moment, moment } from './instant.js'
import { createRelationships, RELATIONSHIP_STATEMENTS, type Relationships } from './relationships.js'
import { SEARCH_ENTITIES } from './search.js'
import { TRAVERSE, type Traversal, type TraverseOptions, traverse } from './traversal.js'

export type {
  EntityCorrection,
  EntityRetraction,
  GraphChange,
  NewEntity,
  NewRelationship,
  RelationshipCorrection,
  RelationshipKey,
  RelationshipRetraction,
} from './changes.js'
export type { Difference } from './differences.js'
export type { Entities, Entity, EntityDiff, EntityQuery } from './entities.js'
export type { EpisodeChange, Episodes, NewEpisode, RecordedEpisode } from './episodes.js'
export { type Instant, type Moment, type Period, type TimePoint, toInstant } from './instant.js'
export type { GraphPage, GraphPageOptions } from './page.js'
export type { Direction, Relationship, Relationships, RelationshipsOf } from './relationships.js'
export type { EntitySearch, FoundEntity } from './search.js'
export type { Reached, Traversal, TraverseOptions } from './traversal.js'

/**
 * A bi-temporal knowledge graph: entities and relationships, each with the time over which it held (valid time) and the
 * time over which it was believed (transaction time). Nothing recorded is overwritten.
 */
export interface KnowledgeGraph {
  readonly entities: Entities
  readonly relationships: Relationships
  readonly episodes: Episodes
  /**
   * The entities that can be reached from one, breadth first, at a point of both times. Errors: INPUT_INVALID,
   * ENTITY_UNKNOWN, TRAVERSAL_BUDGET_SPENT.
   */
  traverse(start: string, options?: TraverseOptions & CallOptions): Promise<Traversal>
  /**
   * Forgets versions that were superseded before a moment, at most `limit` of entities and of relationships; what is
   * believed stays. Returns how many went. Not idempotent in its count. @default limit 10000
   */
  prune(before: Moment, options?: { limit?: number } & CallOptions): Promise<number>
}

const PRUNE = statement<{ pruned: number }>(
  'memory.prune_graph',
  `select memory.prune_graph(current_setting('pgfleet.tenant'), $1::timestamptz, $2::integer) as pruned`,
)

export const GRAPH_STATEMENTS: readonly Statement<unknown>[] = [
  CHANGE_GRAPH,
  RECORD_EPISODES.statement,
  TRAVERSE.statement,
  SEARCH_ENTITIES.statement,
  PRUNE,
  ...ENTITY_STATEMENTS,
  ...RELATIONSHIP_STATEMENTS,
]

const pruneOptions = z.strictObject({ limit: z.int().min(1).max(100_000).default(10_000) })

export function createKnowledgeGraph(session: Session): KnowledgeGraph {
  return {
    entities: createEntities(session),
    relationships: createRelationships(session),
    episodes: createEpisodes(session),
    traverse: (start, options = {}) => traverse(session, start, options),
    async prune(before, { signal, durability, ...input } = {}) {
      const { limit } = check('options', pruneOptions, input)
      const [row] = await session.query(PRUNE, [check('before', moment, before), limit], {
        ...(signal && { signal }),
        ...(durability && { durability }),
      })
      return row?.pruned ?? 0
    },
  }
}
