import { z } from 'zod'
import type { Json } from '../../content.js'
import type { Operation } from '../../database/batch.js'
import { statement } from '../../database/statement.js'
import { isStorable, text } from '../../input.js'
import type { GroupDurability } from './groups.js'
import { type Refusal, type Refused, refusalError } from './refusal.js'
import {
  decodeValue,
  type EncodedValue,
  encodeValue,
  type MetadataValue,
  VALUE_TYPES,
  type ValueType,
} from './value.js'

/** A key of an entity. */
export interface EntryKey {
  /** The name of the entity. */
  readonly entity: string
  /** 1 to 500 characters; the tenant's quota may be lower, and is 200 without one. */
  readonly key: string
}

/** A value to set. */
export interface EntryWrite extends EntryKey {
  readonly value: MetadataValue
  /** How the value is kept; without it that follows from the value. */
  readonly type?: ValueType
  /** The key is gone after so many milliseconds, at least 1. Without it the key stays. */
  readonly ttlMs?: number
  /** More than the group's durability; less than that is not given. */
  readonly durability?: GroupDurability
  /** Set only when the key is at this version; 0: only when it is not there. Else VERSION_CONFLICT. */
  readonly expectedVersion?: number
}

/** A key to delete. */
export interface EntryDeletion extends EntryKey {
  readonly durability?: GroupDurability
  /** Delete only when the key is at this version, else VERSION_CONFLICT. */
  readonly expectedVersion?: number
}

/** An entry as it is kept. */
export interface MetadataEntry extends EntryKey {
  readonly type: ValueType
  readonly value: Json | bigint | Buffer
  /** Grows with each write of the key, and goes on when a deleted key is set again. */
  readonly version: number
  readonly updatedAt: Date
  /** The agent that wrote it; null for the service. */
  readonly updatedBy: string | null
  readonly expiresAt: Date | null
}

/** An item of a write as it travels; a deletion has neither type nor value. */
export class EncodedWrite implements Refused {
  readonly entity: string
  readonly key: string
  readonly type: ValueType | undefined
  readonly value: string | undefined
  readonly ttlMs: number | undefined
  readonly durability: GroupDurability | undefined
  readonly expected: number | undefined
  readonly agent: string | undefined
  readonly field: string
  /** The call of many whose items are written all or none. */
  readonly call: number | undefined
  /** The entity and the key, as one text. */
  readonly orderKey: string

  constructor(
    { entity, key, durability, expectedVersion }: z.output<typeof entryDeletion>,
    value: EncodedValue | undefined,
    ttlMs: number | undefined,
    field: string,
    agent: string | undefined,
    call: number | undefined,
  ) {
    this.entity = entity
    this.key = key
    this.type = value?.type
    this.value = value?.text
    this.ttlMs = ttlMs
    this.durability = durability
    this.expected = expectedVersion
    this.agent = agent
    this.field = field
    this.call = call
    this.orderKey = entryName(entity, key)
  }
}

/** What became of a write. */
export interface Written {
  readonly version: number
  /** Whether the key was there before. */
  readonly wasThere: boolean
  /** What the write was given. */
  readonly durability: GroupDurability
}

interface WrittenRow {
  /** `call`: another item of the same call was refused. */
  readonly refusal: Refusal | 'call' | null
  readonly version: number | null
  readonly was_there: boolean
  readonly durability: GroupDurability
}

/** What became of many writes: of each its ordinal and its version, and what is not the same of all. */
interface PackedRow {
  readonly ordinals: readonly number[]
  readonly versions: readonly (number | null)[]
  readonly durability: GroupDurability | null
  readonly refusals: readonly WrittenRow['refusal'][] | null
  readonly were_there: readonly boolean[] | null
  readonly durabilities: readonly GroupDurability[] | null
}

function unpackWritten(packed: object): (WrittenRow & { readonly ordinal: number })[] {
  const { ordinals, versions, durability, refusals, were_there, durabilities } = packed as PackedRow
  return ordinals.map((ordinal, place) => ({
    ordinal,
    refusal: refusals?.[place] ?? null,
    version: versions[place] ?? null,
    was_there: were_there?.[place] ?? true,
    durability: durabilities?.[place] ?? (durability as GroupDurability),
  }))
}

function decodeWritten(row: WrittenRow | undefined, item: EncodedWrite): Written {
  if (row === undefined) throw new Error('metadata.set_entries returned no row for an item')
  // The item that was refused for itself tells why.
  if (row.refusal !== null && row.refusal !== 'call') throw refusalError(row.refusal, item, row.version ?? 0)
  return { version: row.version ?? 0, wasThere: row.was_there, durability: row.durability }
}

export const SET_ENTRIES: Operation<EncodedWrite, WrittenRow, Written> = {
  name: 'metadata.setEntries',
  statement: statement(
    'metadata.set_entries',
    // As JSON, which the process reads in one go: of arrays the driver would make each member by itself.
    `select array_to_json(ordinals) as ordinals, array_to_json(versions) as versions, durability, array_to_json(refusals) as refusals,
      array_to_json(were_there) as were_there, array_to_json(durabilities) as durabilities
    from metadata.set_entries_packed($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 1000,
  encode: jsonOf,
  unpack: unpackWritten,
  decode: decodeWritten,
  isIdempotent: () => false,
  changes: (item) => item.orderKey,
  orderKey: (item) => item.orderKey,
  // Of one agent only, and of what needs the same right: what one may do says nothing of another. And asks for the same.
  givesWay: (item, later) =>
    item.agent === later.agent &&
    (item.value === undefined) === (later.value === undefined) &&
    item.durability === later.durability,
}

export const COMPARE_AND_SET: Operation<EncodedWrite, WrittenRow, Written> = {
  name: 'metadata.compareAndSet',
  statement: statement(
    'metadata.compare_and_set',
    'select ordinal, refusal, version, was_there, durability from metadata.compare_and_set($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: jsonOf,
  decode: decodeWritten,
  isIdempotent: () => false,
  changes: (item) => item.orderKey,
}

/** A row of an entry that is there, or the refusal. */
interface EntryRow {
  readonly refusal: Refusal | null
  readonly type: ValueType
  readonly value: string
  readonly version: number
  readonly updated_at: Date
  readonly expires_at: Date | null
  readonly updated_by: string | null
}

/** A key to look up. */
type Lookup = Refused & { readonly json: string }

/** An entry as a cache keeps it: its JSON, and nothing of one that is not there. */
type CachedEntry = readonly [ValueType, string, number, number, string | null]

export const GET_ENTRIES: Operation<Lookup, EntryRow, MetadataEntry | undefined> = {
  name: 'metadata.getEntries',
  statement: statement(
    'metadata.get_entries',
    'select ordinal, refusal, type, value, version, updated_at, expires_at, updated_by from metadata.get_entries($1::text, $2::jsonb)',
  ),
  writes: false,
  // It may be pending in the unlogged table, which a replica does not have.
  primaryOnly: true,
  itemsMax: 1000,
  encode: (item) => item.json,
  decode: (row, item) => {
    if (row === undefined) return undefined
    if (row.refusal !== null) throw refusalError(row.refusal, item)
    return {
      entity: item.entity,
      key: item.key,
      type: row.type,
      value: decodeValue(row.type, row.value),
      version: row.version,
      updatedAt: row.updated_at,
      updatedBy: row.updated_by,
      expiresAt: row.expires_at,
    }
  },
  isIdempotent: () => true,
  cached: {
    subject: ({ entity, key }) => entryName(entity, key),
    // What one may read says nothing of another.
    reader: ({ agent }) => (agent === undefined ? '' : `agent ${agent}`),
    // One that expires is gone at that moment.
    pack: (entry) => {
      if (entry === undefined) return ''
      if (entry.expiresAt !== null) return undefined
      const { type, value, version, updatedAt, updatedBy } = entry
      const kept: CachedEntry = [type, encodeValue('entry', value, type).text, version, updatedAt.getTime(), updatedBy]
      return JSON.stringify(kept)
    },
    unpack: (text, { entity, key }) => {
      if (text === '') return undefined
      const [type, value, version, updatedAt, updatedBy] = JSON.parse(text) as CachedEntry
      return {
        entity,
        key,
        type,
        value: decodeValue(type, value),
        version,
        updatedAt: new Date(updatedAt),
        updatedBy,
        expiresAt: null,
      }
    },
  },
}

/** An entry inside the JSON of a whole entity. */
export interface EntryJson {
  readonly key: string
  readonly type: ValueType
  readonly value: string
  readonly version: number
  /** Milliseconds since 1970, as those of expiry. */
  readonly updated_at: number
  readonly expires_at: number | null
  readonly updated_by: string | null
}

export function entryOf(entity: string, entry: EntryJson): MetadataEntry {
  return {
    entity,
    key: entry.key,
    type: entry.type,
    value: decodeValue(entry.type, entry.value),
    version: entry.version,
    updatedAt: new Date(entry.updated_at),
    updatedBy: entry.updated_by,
    expiresAt: entry.expires_at === null ? null : new Date(entry.expires_at),
  }
}

const TTL_MS_MAX = 100 * 365 * 86_400_000

const ENTITY_NAME_MAX = 200
const KEY_MAX = 500

export const entityName = text(1, ENTITY_NAME_MAX)
const key = text(1, KEY_MAX)
const durability = z.enum(['durable', 'async', 'volatile']).optional()
const expectedVersion = z.int().min(0).optional()
export const entryKey = z.strictObject({ entity: entityName, key })
export const entryWrite = z.strictObject({
  entity: entityName,
  key,
  value: z.unknown(),
  type: z.enum(VALUE_TYPES).optional(),
  ttlMs: z.int().min(1).max(TTL_MS_MAX).optional(),
  durability,
  expectedVersion,
})
export const entryDeletion = z.strictObject({ entity: entityName, key, durability, expectedVersion })

/**
 * What the schema takes as it is, and nearly all calls give: names that can be stored, and nothing else. Seen by hand, since the
 * schema is a fifth of the work of a hot key's write.
 */
export function usualKey(input: unknown): z.output<typeof entryKey> | undefined {
  if (!isOf(input, KEY_NAMES)) return undefined
  const { entity, key } = input
  return isUsual(entity, ENTITY_NAME_MAX) && isUsual(key, KEY_MAX) ? { entity, key } : undefined
}

/** As `usualKey`, of a write of a value and nothing more. */
export function usualWrite(input: unknown): z.output<typeof entryWrite> | undefined {
  if (!isOf(input, WRITE_NAMES)) return undefined
  const { entity, key, value } = input
  if (value === undefined) return undefined
  return isUsual(entity, ENTITY_NAME_MAX) && isUsual(key, KEY_MAX) ? { entity, key, value } : undefined
}

const KEY_NAMES = ['entity', 'key']
const WRITE_NAMES = ['entity', 'key', 'value']

/** Whether it is an object with no members but these. */
function isOf(input: unknown, names: readonly string[]): input is Readonly<Record<string, unknown>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return false
  for (const name in input) if (!names.includes(name)) return false
  return true
}

function isUsual(text: unknown, max: number): text is string {
  return typeof text === 'string' && text.length > 0 && text.length <= max && isStorable(text)
}

/** The write as it travels. Errors: INPUT_INVALID. */
export function encodeWrite(
  write: z.output<typeof entryWrite>,
  field: string,
  agent: string | undefined,
  call?: number,
): EncodedWrite {
  return new EncodedWrite(write, encodeValue(field, write.value, write.type), write.ttlMs, field, agent, call)
}

/** The deletion as it travels: a write without a value. */
export function encodeDeletion(
  deletion: z.output<typeof entryDeletion>,
  field: string,
  agent: string | undefined,
  call?: number,
): EncodedWrite {
  return new EncodedWrite(deletion, undefined, undefined, field, agent, call)
}

/** By hand: it is done for tens of thousands of writes a second. */
function jsonOf({ entity, key, type, value, ttlMs, agent, durability, expected, call }: EncodedWrite): string {
  let json = `{"entity":${JSON.stringify(entity)},"key":${JSON.stringify(key)}`
  if (value !== undefined) json += `,"type":"${type}","value":${JSON.stringify(value)}`
  if (ttlMs !== undefined) json += `,"ttl_ms":${ttlMs}`
  if (agent !== undefined) json += `,"agent":${JSON.stringify(agent)}`
  if (durability !== undefined) json += `,"durability":"${durability}"`
  if (expected !== undefined) json += `,"expected":${expected}`
  if (call !== undefined) json += `,"call":${call}`
  return `${json}}`
}

/** The entity and the key, as one text. */
function entryName(entity: string, key: string): string {
  return `${entity.length}:${entity}${key}`
}
