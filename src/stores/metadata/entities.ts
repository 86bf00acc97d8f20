import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { changingStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, text } from '../../input.js'
import { ENTITY_COLUMNS, type Entity, type EntityRow, toEntity, toWholeEntity, type WholeEntity } from './entity.js'
import { type EntryJson, entityName } from './entry.js'

/** An entity to create. */
export interface NewEntity {
  /** A UUIDv7; creating with the same id again finds the entity that is there. @default a new one */
  readonly id?: string
  /** 1 to 200 characters, of no other entity of the tenant. */
  readonly name: string
  /** @default 'NORMAL' */
  readonly syncGroup?: string
  /** 1 to 100 characters. @default null */
  readonly channel?: string | null
  /** @default 1 */
  readonly loadPriority?: number
  /** The entity is gone so long after its last change, or its newest entry's. @default null: never */
  readonly expireAfterUpdateMs?: number | null
  /** The entity is gone so long after its creation. @default null: never */
  readonly expireAfterCreationMs?: number | null
}

/** A change of an entity; what is left out stays. */
export interface EntityChange extends Partial<Omit<NewEntity, 'id' | 'name'>> {
  /** Which entity. */
  readonly name: string
  /** Its new name. */
  readonly rename?: string
}

/** Which entities to list. */
export interface EntityListOptions {
  /** The sync group. */
  readonly group: string
  /** Only of this channel. @default all, and those without one */
  readonly channel?: string
  /** Goes on behind the entity of this name. */
  readonly after?: string
  /** 1 to 1000. @default 100 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** What metadata is about. An agent needs a role in the sync group. */
export interface Entities {
  /**
   * Creates entities, all or none, at most 1000. Needs the right to insert. Errors: INPUT_INVALID, SYNC_GROUP_UNKNOWN,
   * METADATA_ENTITY_EXISTS, PERMISSION_DENIED.
   */
  create(entity: NewEntity, options?: CallOptions): Promise<Entity>
  create(entities: readonly NewEntity[], options?: CallOptions): Promise<Entity[]>
  /** Undefined when there is none of that name. Needs the right to read. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  get(name: string, options?: CallOptions): Promise<Entity | undefined>
  get(names: readonly string[], options?: CallOptions): Promise<(Entity | undefined)[]>
  /**
   * Renames, moves and changes entities, all or none, one after the other, at most 1000. Needs the right to update; a move
   * to another group that to delete in the old one and to insert in the new one. Errors: INPUT_INVALID,
   * METADATA_ENTITY_UNKNOWN, SYNC_GROUP_UNKNOWN, METADATA_ENTITY_EXISTS, PERMISSION_DENIED.
   */
  update(change: EntityChange, options?: CallOptions): Promise<Entity>
  update(changes: readonly EntityChange[], options?: CallOptions): Promise<Entity[]>
  /** Deletes entities with their metadata, at most 1000; false for one that was not there. Needs the right to delete. */
  delete(name: string, options?: CallOptions): Promise<boolean>
  delete(names: readonly string[], options?: CallOptions): Promise<boolean[]>
  /** By name, of a group or a channel. Errors: INPUT_INVALID, SYNC_GROUP_UNKNOWN, PERMISSION_DENIED. */
  list(options: EntityListOptions): Promise<Entity[]>
}

/** What a batch refuses is tried in halves, until the call at fault is alone: its error names its argument. */
function changing(name: string, sqlName: string, columns: string) {
  return {
    name,
    statement: changingStatement<EntityRow & { ordinal: number }>(
      sqlName,
      `select ordinal, ${columns} from ${sqlName}($1::text, $2::jsonb)`,
    ),
    writes: true,
    itemsMax: 1000,
    encode: (item: string) => item,
    decode: (row: EntityRow | undefined): Entity => {
      if (row === undefined) throw new Error(`${sqlName} returned no row for an item`)
      return toEntity(row)
    },
  }
}

export const CREATE_ENTITIES: Operation<string, EntityRow, Entity> = {
  ...changing('metadata.createEntities', 'metadata.create_entities', ENTITY_COLUMNS),
  isIdempotent: () => true,
}

export const UPDATE_ENTITIES: Operation<string, EntityRow, Entity> = {
  ...changing('metadata.updateEntities', 'metadata.update_entities', ENTITY_COLUMNS),
  isIdempotent: () => false,
}

export const DELETE_ENTITIES: Operation<string, { deleted: boolean }, boolean> = {
  name: 'metadata.deleteEntities',
  statement: changingStatement(
    'metadata.delete_entities',
    'select ordinal, deleted from metadata.delete_entities($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item,
  decode: (row) => row?.deleted ?? false,
  isIdempotent: () => false,
}

/** A name to look up, with its place among the caller's. */
interface Lookup {
  readonly json: string
  readonly name: string
  readonly agent: string | undefined
  readonly field: string
}

type FoundRow = EntityRow & { readonly refusal: string | null; readonly entries: readonly EntryJson[] }

function refuseUnread(row: FoundRow, item: Lookup): void {
  if (row.refusal === null) return
  throw new FleetError('PERMISSION_DENIED', {
    message: `agent '${item.agent}' may not read entity ${JSON.stringify(item.name)}`,
    hint: 'Grant the agent the right to read in the sync group of the entity: metadata.roles.grant().',
    field: item.field,
  })
}

export const GET_ENTITIES: Operation<Lookup, FoundRow, WholeEntity | undefined> = {
  name: 'metadata.getEntities',
  statement: statement(
    'metadata.get_entities',
    `select ordinal, refusal, ${ENTITY_COLUMNS}, entries from metadata.get_entities($1::text, $2::jsonb)`,
  ),
  writes: false,
  // Its entries may be pending in the unlogged table, which a replica does not have.
  primaryOnly: true,
  itemsMax: 1000,
  encode: (item) => item.json,
  decode: (row, item) => {
    if (row === undefined) return undefined
    refuseUnread(row, item)
    return toWholeEntity({ ...row, entries: row.entries ?? [] })
  },
  isIdempotent: () => true,
}

const LIST = statement<FoundRow>(
  'metadata.list_entities',
  `select ${ENTITY_COLUMNS}, entries
  from metadata.list_entities(current_setting('pgfleet.tenant'), $1::text, $2::text, $3::text, $4::text, $5::integer, $6::boolean)`,
)

export const ENTITY_STATEMENTS: readonly Statement<unknown>[] = [
  CREATE_ENTITIES.statement,
  UPDATE_ENTITIES.statement,
  DELETE_ENTITIES.statement,
  GET_ENTITIES.statement,
  LIST,
]

const syncGroup = text(1, 100)
const channel = text(1, 100).nullable()
const loadPriority = z.int().min(-1_000_000).max(1_000_000)
const expiryMs = z
  .int()
  .min(1)
  .max(100 * 365 * 86_400_000)
  .nullable()
const newEntities = z.array(
  z.strictObject({
    id: z.uuidv7().optional(),
    name: entityName,
    syncGroup: syncGroup.default('NORMAL'),
    channel: channel.default(null),
    loadPriority: loadPriority.default(1),
    expireAfterUpdateMs: expiryMs.default(null),
    expireAfterCreationMs: expiryMs.default(null),
  }),
)
const entityChanges = z.array(
  z.strictObject({
    name: entityName,
    rename: entityName.optional(),
    syncGroup: syncGroup.optional(),
    channel: channel.optional(),
    loadPriority: loadPriority.optional(),
    expireAfterUpdateMs: expiryMs.optional(),
    expireAfterCreationMs: expiryMs.optional(),
  }),
)
const listOptions = z.strictObject({
  group: syncGroup,
  channel: text(1, 100).optional(),
  after: text(0, 200).default(''),
  limit: z.int().min(1).max(1000).default(100),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Whole entities by name. */
export async function getWhole(
  session: Session,
  agent: string | undefined,
  names: readonly string[],
  entries: boolean,
  field: (place: number) => string,
  options?: CallOptions,
): Promise<(WholeEntity | undefined)[]> {
  const items = names.map((name, place) => ({
    json: JSON.stringify({ name, agent, entries }),
    name,
    agent,
    field: field(place),
  }))
  return await session.submit(GET_ENTITIES, items, options)
}

/** Whole entities of a group or channel. */
export async function listWhole(
  session: Session,
  agent: string | undefined,
  options: EntityListOptions,
  entries: boolean,
): Promise<WholeEntity[]> {
  const { group, channel, after, limit, signal } = check('options', listOptions, options)
  const rows = await session.query(LIST, [agent ?? null, group, channel ?? null, after, limit, entries], {
    idempotent: true,
    ...(signal && { signal }),
  })
  return rows.map((row) => toWholeEntity({ ...row, entries: row.entries ?? [] }))
}

export function createEntities(session: Session, agent: string | undefined): Entities {
  const create = async (input: readonly NewEntity[], options?: CallOptions) => {
    const items = check('entities', newEntities, input).map((entity) =>
      JSON.stringify({ id: entity.id ?? uuidv7(), agent, ...toColumns(entity), name: entity.name }),
    )
    return await session.submit(CREATE_ENTITIES, items, options)
  }
  const update = async (input: readonly EntityChange[], options?: CallOptions) => {
    const items = check('changes', entityChanges, input).map(({ name, rename, ...rest }) =>
      JSON.stringify({ name, agent, changes: { name: rename, ...toColumns(rest) } }),
    )
    return await session.submit(UPDATE_ENTITIES, items, options)
  }
  const remove = async (names: readonly string[], options?: CallOptions) =>
    await session.submit(
      DELETE_ENTITIES,
      check('names', z.array(entityName), names).map((name) => JSON.stringify({ name, agent })),
      options,
    )
  const get = async (names: readonly string[], options?: CallOptions) =>
    (
      await getWhole(session, agent, check('names', z.array(entityName), names), false, (n) => `names[${n}]`, options)
    ).map((found) => found && bare(found))
  return {
    create: (async (input: NewEntity | readonly NewEntity[], options?: CallOptions) =>
      Array.isArray(input)
        ? await create(input, options)
        : (await create([input as NewEntity], options))[0]) as Entities['create'],
    get: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input) ? await get(input, options) : (await get([input as string], options))[0]) as Entities['get'],
    update: (async (input: EntityChange | readonly EntityChange[], options?: CallOptions) =>
      Array.isArray(input)
        ? await update(input, options)
        : (await update([input as EntityChange], options))[0]) as Entities['update'],
    delete: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await remove(input, options)
        : (await remove([input as string], options))[0]) as Entities['delete'],
    async list(options) {
      return (await listWhole(session, agent, options, false)).map(bare)
    },
  }
}

function bare({ entries: _, ...entity }: WholeEntity): Entity {
  return entity
}

function toColumns(entity: Omit<z.output<typeof entityChanges>[number], 'name' | 'rename'>) {
  return {
    sync_group: entity.syncGroup,
    channel: entity.channel,
    load_priority: entity.loadPriority,
    expire_after_update_ms: entity.expireAfterUpdateMs,
    expire_after_creation_ms: entity.expireAfterCreationMs,
  }
}
