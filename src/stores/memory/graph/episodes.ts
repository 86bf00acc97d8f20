import { z } from 'zod'
import { type Json, STATE_LENGTH_MAX, toContent, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { check, members, text } from '../../../input.js'
import {
  CHANGES_MAX,
  type EntityCorrection,
  type EntityRetraction,
  encodeChange,
  entityCorrection,
  entityRetraction,
  type Kind,
  type NewEntity,
  type NewRelationship,
  newEntity,
  newRelationship,
  type RelationshipCorrection,
  type RelationshipRetraction,
  relationshipCorrection,
  relationshipRetraction,
  type Verb,
} from './changes.js'
import { type Instant, type Moment, moment } from './instant.js'

/** One change of an episode. An entity that is asserted needs an id here, so that a repetition means the same one. */
export type EpisodeChange =
  | { readonly op: 'assert'; readonly entity: NewEntity & { readonly id: string } }
  | { readonly op: 'correct'; readonly entity: EntityCorrection }
  | { readonly op: 'retract'; readonly entity: EntityRetraction }
  | { readonly op: 'assert'; readonly relationship: NewRelationship }
  | { readonly op: 'correct'; readonly relationship: RelationshipCorrection }
  | { readonly op: 'retract'; readonly relationship: RelationshipRetraction }

/** What was learned together: from a message, a document, a tool's answer. */
export interface NewEpisode {
  /** A UUIDv7, made by the caller: sent again, nothing is applied again. Its time may lie a year ago. */
  readonly id: string
  /** In the order in which they apply; the last of an entity or relationship counts. At most 1000. */
  readonly changes: readonly EpisodeChange[]
  /** When it happened, for the record. */
  readonly occurredAt?: Moment
  /** Where it comes from, 1 to 500 characters. */
  readonly source?: string
  readonly metadata?: Readonly<Record<string, Json>>
}

/** An episode as it was recorded. */
export interface RecordedEpisode {
  /** One a change. */
  readonly results: readonly { readonly id: string; readonly changed: boolean }[]
  /** The one transaction time of its changes. */
  readonly recordedAt: Instant
  /** The id had been recorded before; these are the results of that time. */
  readonly replayed: boolean
}

/** Episodes of the knowledge graph. */
export interface Episodes {
  /**
   * Applies the changes of an episode, all or none; idempotent by id, and sent again by itself after a lost connection.
   * Errors: INPUT_INVALID, ENTITY_UNKNOWN, RELATIONSHIP_UNKNOWN, ENTITY_IN_USE, ID_OUT_OF_WINDOW, ID_CONFLICT.
   */
  record(episode: NewEpisode, options?: CallOptions): Promise<RecordedEpisode>
  record(episodes: readonly NewEpisode[], options?: CallOptions): Promise<RecordedEpisode[]>
}

const SCHEMAS = {
  entity: {
    assert: newEntity.refine((entity) => entity.id !== undefined, { path: ['id'], message: 'is missing' }),
    correct: entityCorrection,
    retract: entityRetraction,
  },
  relationship: { assert: newRelationship, correct: relationshipCorrection, retract: relationshipRetraction },
} as const satisfies Record<Kind, Record<Verb, z.ZodType<object>>>

const change = z.strictObject({
  op: z.enum(['assert', 'correct', 'retract']),
  entity: members.optional(),
  relationship: members.optional(),
})
const episode = z.strictObject({
  id: z.uuidv7(),
  changes: z.array(change).max(CHANGES_MAX),
  occurredAt: moment.optional(),
  source: text(1, 500).optional(),
  metadata: members.default({}),
})
const episodes = z.array(episode)

export const RECORD_EPISODES: Operation<string, Row, RecordedEpisode> = {
  name: 'memory.recordEpisodes',
  statement: statement(
    'memory.record_episodes',
    'select ordinal, results, recorded_at, replayed from memory.record_episodes($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 100,
  encode: (item) => item,
  decode: (row) => {
    if (row === undefined) throw new Error('memory.record_episodes returned no row for an episode')
    return { results: row.results, recordedAt: row.recorded_at, replayed: row.replayed }
  },
  isIdempotent: () => true,
}

interface Row {
  readonly results: { id: string; changed: boolean }[]
  readonly recorded_at: Instant
  readonly replayed: boolean
}

export function createEpisodes(session: Session): Episodes {
  return {
    record: (async (input: NewEpisode | readonly NewEpisode[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const encoded = check('episodes', episodes, many ? input : [input]).map(encode)
      const recorded = await session.submit(RECORD_EPISODES, encoded, options)
      return many ? recorded : recorded[0]
    }) as Episodes['record'],
  }
}

function encode(item: z.output<typeof episode>, index: number): string {
  const field = `episodes[${index}]`
  const changes = item.changes.map(({ op, entity, relationship }, i) => {
    const at = `${field}.changes[${i}]`
    if ((entity === undefined) === (relationship === undefined)) {
      throw new FleetError('INPUT_INVALID', {
        message: `${at}.entity: a change has one of \`entity\` and \`relationship\``,
        field: `${at}.entity`,
      })
    }
    const kind = entity === undefined ? 'relationship' : 'entity'
    return encodeChange(kind, op, `${at}.${kind}`, check(`${at}.${kind}`, SCHEMAS[kind][op], entity ?? relationship))
  })
  const metadata = toJson(`${field}.metadata`, item.metadata, STATE_LENGTH_MAX)
  const body = `"changes":[${changes.join()}],"metadata":${metadata},${JSON.stringify({ occurred_at: item.occurredAt, source: item.source, id: item.id }).slice(1)}`
  // What makes two episodes the same: everything, whatever the order of members.
  const { hash } = toContent(field, JSON.parse(`{${body}`), Number.POSITIVE_INFINITY)
  return `{"content_hash":"${hash}",${body}`
}
