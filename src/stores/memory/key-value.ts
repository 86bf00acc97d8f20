import { z } from 'zod'
import { type Json, toJson } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, text } from '../../input.js'
import { expectedVersion, nextCall, versionConflict } from './version.js'

/** What a key holds: JSON, or bytes. A Uint8Array is kept as bytes, and comes back as a Buffer. */
export type Value = Json | Uint8Array

/** How a value is set. */
export interface SetOptions {
  /** The key is gone after so many milliseconds, at least 1. Without it the key stays, whatever it had before. */
  readonly ttlMs?: number
  /** Set only when the key is at this version; 0: only when it is not there. Else VERSION_CONFLICT. */
  readonly expectedVersion?: number
}

/** A value to set. */
export interface NewEntry extends SetOptions {
  /** 1 to 500 characters. */
  readonly key: string
  /** At most 1048576 characters of JSON, or bytes. */
  readonly value: Value
}

/** A key as it is kept. */
export interface Entry {
  readonly key: string
  readonly value: Json | Buffer
  /** Writes since the key was made or last expired. */
  readonly version: number
  readonly expiresAt: Date | null
}

/** Which keys to list. */
export interface ListOptions {
  /** What the keys begin with; every character stands for itself. @default '' */
  readonly prefix?: string
  /** Goes on behind this key. */
  readonly after?: string
  /** 1 to 10000. @default 100 */
  readonly limit?: number
}

/** Values by key, of one tenant. Single calls are gathered; an expired key is gone. */
export interface KeyValue {
  /** The value; undefined when the key is not there. A Buffer for bytes. Errors: INPUT_INVALID. */
  get(key: string, options?: CallOptions): Promise<Json | Buffer | undefined>
  /** The values in the order of the keys, at most 1000. */
  getMany(keys: readonly string[], options?: CallOptions): Promise<(Json | Buffer | undefined)[]>
  /** The value with its version and expiry. */
  entry(key: string, options?: CallOptions): Promise<Entry | undefined>
  /** Sets a value and returns its version. Errors: INPUT_INVALID, VERSION_CONFLICT. */
  set(key: string, value: Value, options?: SetOptions & CallOptions): Promise<number>
  /** Sets values, all or none: at most 1000, 32 MiB together, each key once. Their versions in order. */
  setMany(entries: readonly NewEntry[], options?: CallOptions): Promise<number[]>
  /**
   * Adds a whole number; the value after it. A key that is not there starts at 0. `ttlMs` moves the expiry, without it
   * the key keeps it. Errors: INPUT_INVALID, VALUE_NOT_NUMBER.
   */
  increment(key: string, by?: number, options?: { ttlMs?: number } & CallOptions): Promise<number>
  /** True when the key was there. Errors: INPUT_INVALID, VERSION_CONFLICT. */
  delete(key: string, options?: { expectedVersion?: number } & CallOptions): Promise<boolean>
  delete(keys: readonly string[], options?: CallOptions): Promise<boolean[]>
  exists(key: string): Promise<boolean>
  exists(keys: readonly string[]): Promise<boolean[]>
  /** Keys in the order of their bytes, without their values. */
  list(options?: ListOptions): Promise<Omit<Entry, 'value'>[]>
  /** Removes expired keys, which are gone already, from the disk; how many. In steps of `rowsMax`, so that none takes long. */
  cleanup(options?: { rowsMax?: number; signal?: AbortSignal }): Promise<number>
}

/** Most characters of a JSON value, and bytes of another. */
export const VALUE_LENGTH_MAX = 1024 * 1024
const CALL_LENGTH_MAX = 32 * 1024 * 1024
const TTL_MS_MAX = 100 * 365 * 86_400_000

const key = text(1, 500)
const keys = z.array(key)
const ttlMs = z.int().min(1).max(TTL_MS_MAX).optional()
const setOptions = z.strictObject({ ttlMs, expectedVersion })
const entries = z
  .array(z.strictObject({ key, value: z.unknown(), ttlMs, expectedVersion }))
  .superRefine((all, { addIssue }) => {
    const seen = new Set<string>()
    for (const [place, entry] of all.entries()) {
      if (seen.has(entry.key)) addIssue({ code: 'custom', path: [place, 'key'], message: 'stands twice in one call' })
      seen.add(entry.key)
    }
  })
const listOptions = z.strictObject({
  prefix: text(0, 500).default(''),
  after: text(0, 500).default(''),
  limit: z.int().min(1).max(10_000).default(100),
})

interface ValueRow {
  readonly value: Json
  readonly bytes: Buffer | null
  readonly version: number
  readonly expires_at: Date | null
}

export const GET_VALUES: Operation<string, ValueRow, Entry | undefined> = {
  name: 'memory.getValues',
  statement: statement(
    'memory.get_values',
    'select ordinal, value, bytes, version, expires_at from memory.get_values($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 1000,
  encode: (item) => JSON.stringify(item),
  decode: (row, item) =>
    row && { key: item, value: row.bytes ?? row.value, version: row.version, expiresAt: row.expires_at },
  isIdempotent: () => true,
  cached: {
    subject: (item) => item,
    // One that expires is gone at that moment, and bytes are seldom small.
    pack: (entry) => {
      if (entry === undefined) return ''
      return entry.expiresAt === null && !Buffer.isBuffer(entry.value)
        ? JSON.stringify([entry.version, entry.value])
        : undefined
    },
    unpack: (text, item) => {
      if (text === '') return undefined
      const [version, value] = JSON.parse(text) as [number, Json]
      return { key: item, value, version, expiresAt: null }
    },
  },
}

/** An item that may expect a version. */
interface Expecting {
  readonly json: string
  readonly key: string
  readonly expected: number | undefined
  readonly field: string
}

export const SET_VALUES: Operation<Expecting, { version: number | null; present: number | null }, number> = {
  name: 'memory.setValues',
  statement: statement(
    'memory.set_values',
    'select ordinal, version, present from memory.set_values($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item.json,
  decode: (row, item) => {
    if (row === undefined) throw new Error('memory.set_values returned no row for an item')
    if (item.expected !== undefined && row.present !== item.expected) {
      throw versionConflict(`key ${JSON.stringify(item.key)}`, row.present ?? 0, item.expected, item.field)
    }
    return row.version ?? 0
  },
  isIdempotent: () => false,
  changes: (item) => item.key,
}

/** A number to add. */
type Increment = Pick<Expecting, 'json' | 'key'>

export const INCREMENT_VALUES: Operation<Increment, { value: number }, number> = {
  name: 'memory.incrementValues',
  statement: statement(
    'memory.increment_values',
    'select ordinal, value from memory.increment_values($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item.json,
  decode: (row) => {
    if (row === undefined) throw new Error('memory.increment_values returned no row for an item')
    return row.value
  },
  isIdempotent: () => false,
  changes: (item) => item.key,
}

export const DELETE_VALUES: Operation<Expecting, { deleted: boolean; present: number }, boolean> = {
  name: 'memory.deleteValues',
  statement: statement(
    'memory.delete_values',
    'select ordinal, deleted, present from memory.delete_values($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item.json,
  decode: (row, item) => {
    if (row === undefined) throw new Error('memory.delete_values returned no row for an item')
    if (item.expected !== undefined && row.present !== item.expected) {
      throw versionConflict(`key ${JSON.stringify(item.key)}`, row.present, item.expected, item.field)
    }
    return row.deleted
  },
  isIdempotent: () => false,
  changes: (item) => item.key,
}

const EXISTING = readStatement<{ key: string }>(
  'memory.existing_keys',
  `select v.key from memory.key_values v
  where v.tenant_id = current_setting('pgfleet.tenant') and v.key = any ($1::text[]) and v.expires_at > now()`,
)

const LIST = readStatement<{ key: string; version: number; expires_at: Date | null }>(
  'memory.list_keys',
  `select v.key, v.version, nullif(v.expires_at, 'infinity') as expires_at from memory.key_values v
  where v.tenant_id = current_setting('pgfleet.tenant') and v.key >= $1::text and v.key < $2::text and v.key > $3::text
    and v.expires_at > now()
  order by v.key
  limit $4::integer`,
)

const CLEANUP = statement<{ deleted: number }>(
  'memory.cleanup_expired_values',
  `select memory.cleanup_expired_values(current_setting('pgfleet.tenant'), $1::integer) as deleted`,
)

export const KEY_VALUE_STATEMENTS: readonly Statement<unknown>[] = [
  ...[GET_VALUES, SET_VALUES, INCREMENT_VALUES, DELETE_VALUES].map((each) => each.statement as Statement<unknown>),
  EXISTING,
  LIST,
  CLEANUP,
]

export function createKeyValue(session: Session): KeyValue {
  const get = (input: readonly string[], options?: CallOptions) => session.submit(GET_VALUES, input, options)
  return {
    async get(input, options) {
      return (await get([check('key', key, input)], options))[0]?.value
    },
    async getMany(input, options) {
      return (await get(check('keys', keys, input), options)).map((entry) => entry?.value)
    },
    async entry(input, options) {
      return (await get([check('key', key, input)], options))[0]
    },
    async set(input, value, options = {}) {
      const { signal: _, durability: __, ...rest } = options
      const item = { key: check('key', key, input), value, ...check('options', setOptions, rest) }
      return (await session.submit(SET_VALUES, [encode(item, 'value', 'options')], options))[0] as number
    },
    async setMany(input, options) {
      const call = nextCall()
      const items = check('entries', entries, input).map((entry, place) =>
        encode({ ...entry, call }, `entries[${place}].value`, `entries[${place}]`),
      )
      const length = items.reduce((sum, item) => sum + item.json.length, 0)
      if (length > CALL_LENGTH_MAX) {
        throw new FleetError('INPUT_INVALID', {
          message: `entries have ${length} characters, at most ${CALL_LENGTH_MAX} are allowed`,
          field: 'entries',
        })
      }
      return await session.submit(SET_VALUES, items, options)
    },
    async increment(input, by = 1, options = {}) {
      const { signal: _, durability: __, ...rest } = options
      const wanted = check('key', key, input)
      const json = JSON.stringify({
        key: wanted,
        by: check('by', z.int(), by),
        ttl_ms: check('options', z.strictObject({ ttlMs }), rest).ttlMs,
      })
      return (await session.submit(INCREMENT_VALUES, [{ json, key: wanted }], options))[0] as number
    },
    delete: (async (input: string | readonly string[], options: { expectedVersion?: number } & CallOptions = {}) => {
      const { signal: _, durability: __, ...rest } = options
      const expected = check('options', z.strictObject({ expectedVersion }), rest).expectedVersion
      if (Array.isArray(input) && expected !== undefined) {
        throw new FleetError('INPUT_INVALID', {
          message: 'options.expectedVersion: is for a single key',
          field: 'options.expectedVersion',
        })
      }
      const wanted = Array.isArray(input) ? check('keys', keys, input) : [check('key', key, input as string)]
      const items = wanted.map((each) => ({
        json: JSON.stringify({ key: each, expected }),
        key: each,
        expected,
        field: 'options.expectedVersion',
      }))
      const deleted = await session.submit(DELETE_VALUES, items, options)
      return Array.isArray(input) ? deleted : deleted[0]
    }) as KeyValue['delete'],
    exists: (async (input: string | readonly string[]) => {
      const many = Array.isArray(input)
      const wanted = many ? check('keys', keys.max(10_000), input) : [check('key', key, input as string)]
      const there = new Set((await session.query(EXISTING, [wanted], { idempotent: true })).map((row) => row.key))
      return many ? wanted.map((each) => there.has(each)) : there.has(wanted[0] as string)
    }) as KeyValue['exists'],
    async list(options = {}) {
      const { prefix, after, limit } = check('options', listOptions, options)
      const rows = await session.query(LIST, [prefix, endOf(prefix), after, limit], { idempotent: true })
      return rows.map((row) => ({ key: row.key, version: row.version, expiresAt: row.expires_at }))
    },
    async cleanup(options = {}) {
      const { signal, ...rest } = options
      const { rowsMax } = check(
        'options',
        z.strictObject({ rowsMax: z.int().min(1).max(100_000).default(10_000) }),
        rest,
      )
      for (let total = 0; ; ) {
        const [row] = await session.query(CLEANUP, [rowsMax], { idempotent: true, ...(signal && { signal }) })
        total += row?.deleted ?? 0
        if ((row?.deleted ?? 0) < rowsMax) return total
      }
    },
  }
}

function encode(
  item: {
    key: string
    value: unknown
    ttlMs?: number | undefined
    expectedVersion?: number | undefined
    call?: number
  },
  valueField: string,
  field: string,
): Expecting {
  const rest = JSON.stringify({ key: item.key, ttl_ms: item.ttlMs, expected: item.expectedVersion, call: item.call })
  let value: string
  if (item.value instanceof Uint8Array) {
    if (item.value.length > VALUE_LENGTH_MAX) {
      throw new FleetError('INPUT_INVALID', {
        message: `${valueField} has ${item.value.length} bytes, at most ${VALUE_LENGTH_MAX} are allowed`,
        field: valueField,
      })
    }
    const { buffer, byteOffset, length } = item.value
    value = `"bytes":"${Buffer.from(buffer, byteOffset, length).toString('base64')}"`
  } else {
    value = `"value":${toJson(valueField, item.value, VALUE_LENGTH_MAX)}`
  }
  return {
    json: `{${value},${rest.slice(1)}`,
    key: item.key,
    expected: item.expectedVersion,
    field: `${field}.expectedVersion`,
  }
}

/** Longer than any key, of the greatest character: above every key. */
const ABOVE_ALL = '\u{10ffff}'.repeat(251)

/**
 * The least text above all that begin with the prefix, in the order of code points, which is that of UTF-8's bytes: its
 * last character, and the greatest ones before its end, give way to the next.
 */
export function endOf(prefix: string): string {
  const points = [...prefix]
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) as number
    // The halves of surrogate pairs are no characters.
    if (point < 0x10ffff) return points.join('') + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1)
  }
  return ABOVE_ALL
}
