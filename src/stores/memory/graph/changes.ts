import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { type Json, STATE_LENGTH_MAX, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { check, members, text } from '../../../input.js'
import { entityId } from './entity-id.js'
import { type Instant, type Period, period, refinePeriod } from './instant.js'

/** That an entity exists, and what it is, over a valid time; whatever was believed of it over that time gives way. */
export interface NewEntity extends Period {
  /** A UUID. @default a new UUIDv7 */
  readonly id?: string
  /** Like `person` or `service`, 1 to 255 characters. */
  readonly type: string
  /** 1 to 500 characters. */
  readonly name: string
  /** At most 65536 characters of JSON. @default {} */
  readonly properties?: Readonly<Record<string, Json>>
}

/** Other values for what is believed of an entity over a valid time; where nothing is believed, nothing comes to be. */
export interface EntityCorrection extends Period {
  readonly id: string
  readonly type?: string
  readonly name?: string
  /** Members to replace, by name; null removes one. */
  readonly properties?: Readonly<Record<string, Json>>
}

/** That an entity is not believed to exist over a valid time. */
export interface EntityRetraction extends Period {
  readonly id: string
  /** Retracts its relationships over that time with it; without, they are ENTITY_IN_USE. @default false */
  readonly detach?: boolean
}

/** What a relationship is known by: there is one of a subject, a type and an object at any time. */
export interface RelationshipKey {
  readonly subjectId: string
  /** Like `works_for`, 1 to 255 characters. */
  readonly type: string
  readonly objectId: string
}

/** That a relationship holds over a valid time; where it holds already with equal properties, it is extended. */
export interface NewRelationship extends RelationshipKey, Period {
  readonly properties?: Readonly<Record<string, Json>>
}

/** Other properties for what is believed of a relationship over a valid time. */
export interface RelationshipCorrection extends RelationshipKey, Period {
  /** Members to replace, by name; null removes one. */
  readonly properties: Readonly<Record<string, Json>>
}

/** That a relationship is not believed to hold over a valid time. */
export interface RelationshipRetraction extends RelationshipKey, Period {}

/** What a change led to. */
export interface GraphChange {
  /** Of the entity, or of the relationship. */
  readonly id: string
  /** False when it was believed so already: then nothing was recorded. */
  readonly changed: boolean
  /** The transaction time: as of this moment it is known. */
  readonly recordedAt: Instant
}

/** Most changes of one call. */
export const CHANGES_MAX = 1000

const type = text(1, 255)
const properties = members.optional()
const key = { subjectId: entityId, type, objectId: entityId }

export const newEntity = z
  .strictObject({ id: entityId.optional(), type, name: text(1, 500), properties, ...period })
  .superRefine(refinePeriod)
export const entityCorrection = z
  .strictObject({ id: entityId, type: type.optional(), name: text(1, 500).optional(), properties, ...period })
  .superRefine(refinePeriod)
export const entityRetraction = z
  .strictObject({ id: entityId, detach: z.boolean().optional(), ...period })
  .superRefine(refinePeriod)
export const relationshipKey = z.strictObject(key)
export const newRelationship = z.strictObject({ ...key, properties, ...period }).superRefine(refinePeriod)
export const relationshipCorrection = z
  .strictObject({ ...key, properties: members, ...period })
  .superRefine(refinePeriod)
export const relationshipRetraction = z.strictObject({ ...key, ...period }).superRefine(refinePeriod)

/** A change as it was checked, of whichever kind. */
type Checked = Partial<
  z.output<typeof newEntity> & z.output<typeof entityRetraction> & z.output<typeof newRelationship>
>

export type Kind = 'entity' | 'relationship'
export type Verb = 'assert' | 'correct' | 'retract'

/** The change as JSON text, as the functions take it. */
export function encodeChange(kind: Kind, op: Verb, field: string, item: object): string {
  const { properties, ...checked } = item as Checked
  const rest = {
    kind,
    op,
    // Made here, so that a change that is sent again asserts the same entity.
    id: checked.id ?? (kind === 'entity' ? uuidv7() : relationshipId(checked as RelationshipKey)),
    name: checked.name,
    type: checked.type,
    detach: checked.detach,
    subject_id: checked.subjectId,
    object_id: checked.objectId,
    valid_from: checked.validFrom ?? undefined,
    valid_to: checked.validTo ?? undefined,
  }
  const json = JSON.stringify(rest)
  if (properties === undefined) return json
  return `${json.slice(0, -1)},"properties":${toJson(`${field}.properties`, properties, STATE_LENGTH_MAX)}}`
}

/** As memory.relationship_id makes it: a UUIDv8 of the SHA-256 over subject, object and type. */
export function relationshipId({ subjectId, type, objectId }: RelationshipKey): string {
  const ends = Buffer.from(`${subjectId}${objectId}`.replaceAll('-', ''), 'hex')
  const digest = createHash('sha256').update(ends).update(type).digest().subarray(0, 16)
  digest[6] = ((digest[6] as number) & 0x0f) | 0x80
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80
  return digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

interface Row {
  readonly id: string
  readonly changed: boolean
  readonly recorded_at: Instant
}

export const CHANGE_GRAPH = statement<Row & { ordinal: number }>(
  'memory.change_graph',
  'select ordinal, id, changed, recorded_at from memory.change_graph($1::text, $2::jsonb)',
)

/** Entities and relationships queue apart: a batch of relationships alone does not hold back writers of their ends. */
const operation = (name: string): Operation<string, Row, GraphChange> => ({
  name,
  statement: CHANGE_GRAPH,
  writes: true,
  itemsMax: CHANGES_MAX,
  encode: (item) => item,
  decode: (row) => {
    if (row === undefined) throw new Error('memory.change_graph returned no row for a change')
    return { id: row.id, changed: row.changed, recordedAt: row.recorded_at }
  },
  // Sent again it would also undo what another caller has recorded in between; an episode is idempotent.
  isIdempotent: () => false,
})

const OPERATIONS = {
  entity: operation('memory.changeEntities'),
  relationship: operation('memory.changeRelationships'),
} as const

const many = (change: z.ZodType<object>) => z.array(change).max(CHANGES_MAX)
const SHAPES = {
  entity: { assert: many(newEntity), correct: many(entityCorrection), retract: many(entityRetraction) },
  relationship: {
    assert: many(newRelationship),
    correct: many(relationshipCorrection),
    retract: many(relationshipRetraction),
  },
} as const

/** A method that takes one change or many of them; those of one call are recorded all or none. */
export function changer<Input extends object>(
  session: Session,
  kind: Kind,
  op: Verb,
): (input: Input | readonly Input[], options?: CallOptions) => Promise<GraphChange | GraphChange[] | undefined> {
  const name = kind === 'entity' ? 'entities' : 'relationships'
  return async (input, options) => {
    const isMany = Array.isArray(input)
    const items = check(name, SHAPES[kind][op], isMany ? input : [input])
    const encoded = items.map((item, i) => encodeChange(kind, op, `${name}[${i}]`, item))
    const changed = await session.submit(OPERATIONS[kind], encoded, options)
    return isMany ? changed : changed[0]
  }
}
