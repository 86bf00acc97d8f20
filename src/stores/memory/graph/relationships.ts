import { z } from 'zod'
import type { Json } from '../../../content.js'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import {
  changer,
  type GraphChange,
  type NewRelationship,
  type RelationshipCorrection,
  type RelationshipKey,
  type RelationshipRetraction,
  relationshipKey,
} from './changes.js'
import { entityId } from './entity-id.js'
import { type Instant, type TimePoint, timePoint, versionCursor } from './instant.js'
import { type GraphPage, type GraphPageOptions, page, pageShape } from './page.js'

/** What was believed of a relationship over a valid time, for a transaction time. */
export interface Relationship extends RelationshipKey {
  /** Follows from subject, type and object. */
  readonly id: string
  readonly properties: Readonly<Record<string, Json>>
  readonly validFrom: Instant | null
  readonly validTo: Instant | null
  readonly recordedAt: Instant
  readonly supersededAt: Instant | null
  readonly episodeId: string | null
}

/** Which way relationships are followed: from the subject (`out`), from the object (`in`), or either. */
export type Direction = 'out' | 'in' | 'both'

/** Which relationships of an entity to list. */
export interface RelationshipsOf extends TimePoint, GraphPageOptions {
  /** @default 'both' */
  readonly direction?: Direction
  readonly type?: string
}

/** The relationships of a tenant's knowledge graph. */
export interface Relationships {
  /** Errors: INPUT_INVALID; ENTITY_UNKNOWN where an end does not exist over all of the valid time. */
  assert(relationship: NewRelationship, options?: CallOptions): Promise<GraphChange>
  assert(relationships: readonly NewRelationship[], options?: CallOptions): Promise<GraphChange[]>
  /** Errors: INPUT_INVALID, RELATIONSHIP_UNKNOWN where nothing is believed of the relationship over that time. */
  correct(correction: RelationshipCorrection, options?: CallOptions): Promise<GraphChange>
  correct(corrections: readonly RelationshipCorrection[], options?: CallOptions): Promise<GraphChange[]>
  /** Errors: INPUT_INVALID, RELATIONSHIP_UNKNOWN. */
  retract(retraction: RelationshipRetraction, options?: CallOptions): Promise<GraphChange>
  retract(retractions: readonly RelationshipRetraction[], options?: CallOptions): Promise<GraphChange[]>
  /** A relationship at a point of both times; undefined where it did not hold then, or was not known. */
  get(key: RelationshipKey, point?: TimePoint & CallOptions): Promise<Relationship | undefined>
  /** The relationships of an entity at a point of both times, by type, other end, and direction. */
  of(entityId: string, options?: RelationshipsOf & CallOptions): Promise<GraphPage<Relationship>>
  /** Every version of a relationship, in the order in which they were recorded. */
  history(key: RelationshipKey, options?: GraphPageOptions & CallOptions): Promise<GraphPage<Relationship>>
}

interface Row {
  readonly id: string
  readonly subject_id: string
  readonly type: string
  readonly object_id: string
  readonly properties: Record<string, Json>
  readonly valid_from: Instant | null
  readonly valid_to: Instant | null
  readonly recorded_at: Instant
  readonly superseded_at: Instant | null
  readonly episode_id: string | null
}

interface RowOf extends Row {
  readonly other_id: string
  readonly direction: 'out' | 'in'
}

const COLUMNS = `v.relationship_id as id, v.subject_id, v.relationship_type as type, v.object_id, v.properties,
    memory.instant(v.valid_from) as valid_from, memory.instant(v.valid_to) as valid_to,
    memory.instant(v.recorded_at) as recorded_at, memory.instant(v.superseded_at) as superseded_at, v.episode_id`

const GET = readStatement<Row>(
  'memory.get_relationship',
  `select ${COLUMNS}
  from memory.relationship_versions v
  where v.tenant_id = current_setting('pgfleet.tenant')
    and v.relationship_id = memory.relationship_id($1::uuid, $2::text, $3::uuid)
    and v.superseded_at >= coalesce($5::timestamptz + interval '1 microsecond', 'infinity')
    and v.recorded_at <= coalesce($5::timestamptz, 'infinity')
    and v.valid_from <= coalesce($4::timestamptz, $5::timestamptz, statement_timestamp())
    and v.valid_to > coalesce($4::timestamptz, $5::timestamptz, statement_timestamp())`,
)

const HISTORY = readStatement<Row>(
  'memory.relationship_history',
  `select ${COLUMNS}
  from memory.relationship_versions v
  where v.tenant_id = current_setting('pgfleet.tenant')
    and v.relationship_id = memory.relationship_id($1::uuid, $2::text, $3::uuid)
    and ($4::timestamptz is null or (v.recorded_at, v.valid_from) > ($4::timestamptz, $5::timestamptz))
  order by v.recorded_at, v.valid_from
  limit $6::integer`,
)

/** One that leads from an entity to itself is listed once, as outgoing. */
const OF = readStatement<RowOf>(
  'memory.relationships_of',
  `select ${COLUMNS}, v.other_id, v.direction
  from (
    select o.*, o.object_id as other_id, 'out' as direction
    from memory.relationship_versions o
    where o.tenant_id = current_setting('pgfleet.tenant') and $2::text <> 'in' and o.subject_id = $1::uuid
      and o.superseded_at >= coalesce($5::timestamptz + interval '1 microsecond', 'infinity')
    union all
    select i.*, i.subject_id, 'in'
    from memory.relationship_versions i
    where i.tenant_id = current_setting('pgfleet.tenant') and $2::text <> 'out' and i.object_id = $1::uuid
      and i.superseded_at >= coalesce($5::timestamptz + interval '1 microsecond', 'infinity')
      and ($2::text = 'in' or i.subject_id <> i.object_id)
  ) v
  where ($3::text is null or v.relationship_type = $3::text)
    and v.recorded_at <= coalesce($5::timestamptz, 'infinity')
    and v.valid_from <= coalesce($4::timestamptz, $5::timestamptz, statement_timestamp())
    and v.valid_to > coalesce($4::timestamptz, $5::timestamptz, statement_timestamp())
    and ($6::text is null or (v.relationship_type, v.other_id, v.direction) > ($6::text, $7::uuid, $8::text))
  order by v.relationship_type, v.other_id, v.direction
  limit $9::integer`,
)

export const RELATIONSHIP_STATEMENTS: readonly Statement<unknown>[] = [GET, HISTORY, OF]

const point = z.strictObject(timePoint)
const historyOptions = z.strictObject(pageShape(...versionCursor))
const ofOptions = z.strictObject({
  ...timePoint,
  ...pageShape(z.string(), entityId, z.enum(['out', 'in'])),
  direction: z.enum(['out', 'in', 'both']).default('both'),
  type: text(1, 255).optional(),
})

export function createRelationships(session: Session): Relationships {
  const kind = 'relationship'
  const keyOf = (input: RelationshipKey) => {
    const { subjectId, type, objectId } = check('key', relationshipKey, input)
    return [subjectId, type, objectId]
  }
  return {
    assert: changer<NewRelationship>(session, kind, 'assert') as Relationships['assert'],
    correct: changer<RelationshipCorrection>(session, kind, 'correct') as Relationships['correct'],
    retract: changer<RelationshipRetraction>(session, kind, 'retract') as Relationships['retract'],
    async get(key, { signal, durability: _, ...input } = {}) {
      const { at, knownAt } = check('point', point, input)
      const values = [...keyOf(key), at ?? null, knownAt ?? null]
      const [row] = await session.query(GET, values, { idempotent: true, ...(signal && { signal }) })
      return row && toRelationship(row)
    },
    async of(given, { signal, durability: _, ...input } = {}) {
      const { direction, type, at, knownAt, after, limit } = check('options', ofOptions, input)
      const id = check('entityId', entityId, given)
      const values = [id, direction, type ?? null, at ?? null, knownAt ?? null, ...(after ?? [null, null, null])]
      const rows = await session.query(OF, [...values, limit + 1], { idempotent: true, ...(signal && { signal }) })
      return page(rows, limit, toRelationship, (row) => [row.type, row.other_id, row.direction])
    },
    async history(key, { signal, durability: _, ...input } = {}) {
      const { after, limit } = check('options', historyOptions, input)
      const values = [...keyOf(key), ...(after ?? [null, null]), limit + 1]
      const rows = await session.query(HISTORY, values, { idempotent: true, ...(signal && { signal }) })
      return page(rows, limit, toRelationship, (row) => [row.recorded_at, row.valid_from ?? '-infinity'])
    },
  }
}

function toRelationship(row: Row): Relationship {
  return {
    id: row.id,
    subjectId: row.subject_id,
    type: row.type,
    objectId: row.object_id,
    properties: row.properties,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    recordedAt: row.recorded_at,
    supersededAt: row.superseded_at,
    episodeId: row.episode_id,
  }
}
