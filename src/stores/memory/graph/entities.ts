import { z } from 'zod'
import { type Json, STATE_LENGTH_MAX, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { check, members, text } from '../../../input.js'
import { changer, type EntityCorrection, type EntityRetraction, type GraphChange, type NewEntity } from './changes.js'
import { type Difference, differences } from './differences.js'
import { entityId } from './entity-id.js'
import { type Instant, type Moment, moment, type TimePoint, timePoint, versionCursor } from './instant.js'
import { type GraphPage, type GraphPageOptions, page, pageShape } from './page.js'
import { type EntitySearch, type FoundEntity, searchEntities } from './search.js'

/** What was believed of an entity over a valid time, for a transaction time. */
export interface Entity {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly properties: Readonly<Record<string, Json>>
  /** Null: since always, or since when is unknown. */
  readonly validFrom: Instant | null
  /** Null: for ever, or until when is unknown. */
  readonly validTo: Instant | null
  readonly recordedAt: Instant
  /** When something else began to be believed; null while this is. */
  readonly supersededAt: Instant | null
  /** The episode that recorded it. */
  readonly episodeId: string | null
}

/** An entity at two points of time. */
export interface EntityDiff {
  readonly before: Entity | undefined
  readonly after: Entity | undefined
  /** What differs, by name; all of it where the entity was not there at one of the points. */
  readonly differences: Difference[]
}

/** Which versions of entities to list. */
export interface EntityQuery extends TimePoint, GraphPageOptions {
  readonly type?: string
  /** Members that the properties have to hold: `{ team: 'api' }`. Read row by row: no index serves it. */
  readonly properties?: Readonly<Record<string, Json>>
  /** Whatever held at some moment of this time, instead of `at` one; `{}` is any time. */
  readonly during?: { readonly from?: Moment; readonly to?: Moment }
  /** Whatever was recorded in this time, believed still or not, instead of `knownAt` a moment. */
  readonly recorded?: { readonly from?: Moment; readonly to?: Moment }
}

/** The entities of a tenant's knowledge graph. */
export interface Entities {
  /** Errors: INPUT_INVALID. */
  assert(entity: NewEntity, options?: CallOptions): Promise<GraphChange>
  assert(entities: readonly NewEntity[], options?: CallOptions): Promise<GraphChange[]>
  /** Errors: INPUT_INVALID, ENTITY_UNKNOWN where nothing is believed of the entity over that time. */
  correct(correction: EntityCorrection, options?: CallOptions): Promise<GraphChange>
  correct(corrections: readonly EntityCorrection[], options?: CallOptions): Promise<GraphChange[]>
  /** Errors: INPUT_INVALID, ENTITY_UNKNOWN, ENTITY_IN_USE. */
  retract(retraction: EntityRetraction, options?: CallOptions): Promise<GraphChange>
  retract(retractions: readonly EntityRetraction[], options?: CallOptions): Promise<GraphChange[]>
  /** An entity at a point of both times; undefined where it did not exist then, or was not known. */
  get(id: string, point?: TimePoint & CallOptions): Promise<Entity | undefined>
  get(ids: readonly string[], point?: TimePoint & CallOptions): Promise<(Entity | undefined)[]>
  /** Every version of an entity, in the order in which they were recorded. */
  history(id: string, options?: GraphPageOptions & CallOptions): Promise<GraphPage<Entity>>
  /** How an entity at one point of time differs from that at another. */
  diff(id: string, before: TimePoint, after?: TimePoint, options?: CallOptions): Promise<EntityDiff>
  /** Versions by type, properties and both times. */
  query(query: EntityQuery, options?: CallOptions): Promise<GraphPage<Entity>>
  /** Entities by name and by what their properties say, the best first; what is believed now. */
  search(search: EntitySearch, options?: CallOptions): Promise<FoundEntity[]>
  search(searches: readonly EntitySearch[], options?: CallOptions): Promise<FoundEntity[][]>
}

/** A version as the statements return it. */
export interface EntityRow {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly properties: Record<string, Json>
  readonly valid_from: Instant | null
  readonly valid_to: Instant | null
  readonly recorded_at: Instant
  readonly superseded_at: Instant | null
  readonly episode_id: string | null
}

export const GET_ENTITIES: Operation<Lookup, EntityRow, Entity | undefined> = {
  name: 'memory.getEntities',
  statement: statement(
    'memory.get_entities',
    'select ordinal, id, type, name, properties, valid_from, valid_to, recorded_at, superseded_at, episode_id from memory.get_entities($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 2000,
  encode: ({ id, at, knownAt }) => JSON.stringify({ id, valid_at: at, known_at: knownAt }),
  decode: (row) => row && toEntity(row),
  isIdempotent: () => true,
}

interface Lookup {
  readonly id: string
  readonly at?: Instant | undefined
  readonly knownAt?: Instant | undefined
}

const COLUMNS = `v.entity_id as id, v.entity_type as type, v.entity_name as name, v.properties, memory.instant(v.valid_from) as valid_from,
    memory.instant(v.valid_to) as valid_to, memory.instant(v.recorded_at) as recorded_at,
    memory.instant(v.superseded_at) as superseded_at, v.episode_id`

const HISTORY = readStatement<EntityRow>(
  'memory.entity_history',
  `select ${COLUMNS}
  from memory.entity_versions v
  where v.tenant_id = current_setting('pgfleet.tenant') and v.entity_id = $1::uuid
    and ($2::timestamptz is null or (v.recorded_at, v.valid_from) > ($2::timestamptz, $3::timestamptz))
  order by v.recorded_at, v.valid_from
  limit $4::integer`,
)

/** Of one entity and one time of recording, no two versions begin at the same valid time: the three are a unique key. */
const QUERY_CONDITIONS = `
    and v.superseded_at >= case
      when $3::timestamptz is not null then $3::timestamptz + interval '1 microsecond'
      when $4::timestamptz is null then 'infinity'
      else '-infinity'
    end
    and v.recorded_at <= coalesce($3::timestamptz, 'infinity')
    and v.recorded_at >= coalesce($4::timestamptz, '-infinity') and v.recorded_at < coalesce($5::timestamptz, 'infinity')
    -- A moment is a stretch of a microsecond.
    and v.valid_to > case when $6::boolean then coalesce($7::timestamptz, statement_timestamp()) else coalesce($7::timestamptz, '-infinity') end
    and v.valid_from < case
      when $6::boolean then coalesce($7::timestamptz, statement_timestamp()) + interval '1 microsecond'
      else coalesce($8::timestamptz, 'infinity')
    end
    and ($9::jsonb is null or v.properties @> $9::jsonb)
    and v.entity_id >= coalesce($10::uuid, '00000000-0000-0000-0000-000000000000')
    and ($10::uuid is null or (v.entity_id, v.recorded_at, v.valid_from) > ($10::uuid, $11::timestamptz, $12::timestamptz))
  order by v.entity_id, v.recorded_at, v.valid_from
  limit $2::integer`

const QUERY = readStatement<EntityRow>(
  'memory.query_entities',
  `select ${COLUMNS}
  from memory.entity_versions v
  where v.tenant_id = current_setting('pgfleet.tenant') and $1::text is null${QUERY_CONDITIONS}`,
)

const QUERY_TYPE = readStatement<EntityRow>(
  'memory.query_entities_of_type',
  `select ${COLUMNS}
  from memory.entity_versions v
  where v.tenant_id = current_setting('pgfleet.tenant') and v.entity_type = $1::text${QUERY_CONDITIONS}`,
)

export const ENTITY_STATEMENTS: readonly Statement<unknown>[] = [GET_ENTITIES.statement, HISTORY, QUERY, QUERY_TYPE]

const point = z.strictObject(timePoint)
const historyOptions = z.strictObject(pageShape(...versionCursor))
const range = z.strictObject({ from: moment.optional(), to: moment.optional() }).superRefine((value, context) => {
  if (value.from === undefined || value.to === undefined || value.from < value.to) return
  context.addIssue({ code: 'custom', path: ['to'], message: 'is not after `from`', input: value.to })
})
const entityQuery = z
  .strictObject({
    ...timePoint,
    ...pageShape(entityId, ...versionCursor),
    type: text(1, 255).optional(),
    properties: members.optional(),
    during: range.optional(),
    recorded: range.optional(),
  })
  .superRefine((value, context) => {
    if (value.at !== undefined && value.during !== undefined)
      context.addIssue({ code: 'custom', path: ['during'], message: 'not together with `at`', input: value.during })
    if (value.knownAt !== undefined && value.recorded !== undefined)
      context.addIssue({ code: 'custom', path: ['recorded'], message: 'not together with `knownAt`', input: value })
  })

export function createEntities(session: Session): Entities {
  const get = async (ids: readonly string[], given: TimePoint, options?: CallOptions) => {
    const { at, knownAt } = check('point', point, given)
    const lookups = check('ids', z.array(entityId), ids).map((id) => ({ id, at, knownAt }))
    return await session.submit(GET_ENTITIES, lookups, options)
  }
  return {
    assert: changer<NewEntity>(session, 'entity', 'assert') as Entities['assert'],
    correct: changer<EntityCorrection>(session, 'entity', 'correct') as Entities['correct'],
    retract: changer<EntityRetraction>(session, 'entity', 'retract') as Entities['retract'],
    get: (async (input: string | readonly string[], given: TimePoint & CallOptions = {}) => {
      const { signal, durability: _, ...point } = given
      const options = signal && { signal }
      return Array.isArray(input)
        ? await get(input, point, options)
        : (await get([check('id', entityId, input)], point, options))[0]
    }) as Entities['get'],
    async history(id, { signal, durability: _, ...input } = {}) {
      const { after, limit } = check('options', historyOptions, input)
      const values = [check('id', entityId, id), ...(after ?? [null, null]), limit + 1]
      const rows = await session.query(HISTORY, values, { idempotent: true, ...(signal && { signal }) })
      return page(rows, limit, toEntity, (row) => cursorOf(row).slice(1))
    },
    async diff(id, before, after = {}, options) {
      const [from, to] = [check('before', point, before), check('after', point, after)]
      const entity = check('id', entityId, id)
      const lookups = [
        { id: entity, ...from },
        { id: entity, ...to },
      ]
      const [was, is] = await session.submit(GET_ENTITIES, lookups, options)
      return { before: was, after: is, differences: differences(was, is) }
    },
    async query(input, options) {
      const { type, properties, at, during, knownAt, recorded, after, limit } = check('query', entityQuery, input)
      const isMoment = during === undefined && (recorded === undefined || at !== undefined)
      const values = [
        type ?? null,
        limit + 1,
        knownAt ?? null,
        recorded === undefined ? null : (recorded.from ?? '-infinity'),
        recorded?.to ?? null,
        isMoment,
        (isMoment ? (at ?? knownAt) : during?.from) ?? null,
        during?.to ?? null,
        properties === undefined ? null : toJson('query.properties', properties, STATE_LENGTH_MAX),
        ...(after ?? [null, null, null]),
      ]
      const rows = await session.query(type === undefined ? QUERY : QUERY_TYPE, values, {
        idempotent: true,
        ...(options?.signal && { signal: options.signal }),
      })
      return page(rows, limit, toEntity, cursorOf)
    },
    search: searchEntities(session),
  }
}

/** An entity as the functions make JSON of it. */
export interface EntityJson extends Omit<Entity, 'validFrom' | 'validTo' | 'recordedAt' | 'supersededAt'> {
  readonly validFrom: string
  readonly validTo: string
  readonly recordedAt: string
  readonly supersededAt: string
}

function cursorOf(row: EntityRow): readonly string[] {
  return [row.id, row.recorded_at, row.valid_from ?? '-infinity']
}

export function toEntity(row: EntityRow): Entity {
  return {
    id: row.id,
    type: row.type,
    name: row.name,
    properties: row.properties,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    recordedAt: row.recorded_at,
    supersededAt: row.superseded_at,
    episodeId: row.episode_id,
  }
}
