import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { FleetError, isFleetError } from '../../../errors.js'
import { check, members, text } from '../../../input.js'
import { makeApiKey, readApiKey } from './api-key-text.js'
import { type ApiKeyUsage, COUNT_USES } from './api-key-usage.js'

/** An API key to create. */
export interface NewApiKey {
  /** Who or what it is for: 1 to 200 characters. */
  readonly name: string
  /** What its bearer may do, in words of yours: at most 100 of at most 100 characters. `*` stands for all. @default [] */
  readonly scopes?: readonly string[]
  /** @default never */
  readonly expiresAt?: Date
  readonly metadata?: Record<string, unknown>
}

/** A key that was just made. */
export interface CreatedApiKey {
  readonly id: string
  /** The key. Shown this once: it is kept nowhere. */
  readonly key: string
}

/** What is known of a key. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly metadata: Record<string, unknown>
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  /** The key that it replaces. */
  readonly rotatedFrom: string | null
  /** Written every few seconds, and when a fleet is closed. */
  readonly usageCount: number
  readonly lastUsedAt: Date | null
}

/** Who presented a key. */
export interface Principal {
  readonly tenant: string
  readonly keyId: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly metadata: Record<string, unknown>
  readonly expiresAt: Date | null
}

/** Keys by which the callers of one tenant are known. */
export interface ApiKeys {
  /** Makes a key. Errors: INPUT_INVALID. */
  create(key: NewApiKey, options?: CallOptions): Promise<CreatedApiKey>
  /**
   * Who presents the key. Reads it each time, so that a revoked key is refused at once; counts the use. Errors: KEY_UNKNOWN,
   * KEY_EXPIRED, KEY_REVOKED, KEY_SCOPE_MISSING. When the tenant is not known beforehand: fleet.verifyKey.
   */
  verify(key: string, options?: { scope?: string; signal?: AbortSignal }): Promise<Principal>
  /**
   * Makes a key of the same name, scopes and metadata; the old one stays good for `overlapMs` more, or until it expires.
   * The new one lives as long from now as the old one was made for, unless told. Errors: KEY_UNKNOWN, KEY_EXPIRED,
   * KEY_REVOKED. @default overlapMs 86400000 (a day)
   */
  rotate(id: string, options?: { overlapMs?: number; expiresAt?: Date } & CallOptions): Promise<CreatedApiKey>
  /** Ends a key at once; harmless to repeat. Errors: KEY_UNKNOWN. */
  revoke(id: string, options?: CallOptions): Promise<void>
  get(id: string, options?: { signal?: AbortSignal }): Promise<ApiKey | undefined>
  /** Newest first, `limit` at a time; `after` continues behind the key of that id. @default limit 100 */
  list(options?: { after?: string; limit?: number; signal?: AbortSignal }): Promise<ApiKey[]>
  /** Removes all trace of a key; false when there was none. */
  delete(id: string, options?: CallOptions): Promise<boolean>
}

interface Row {
  readonly key_id: string
  readonly name: string
  readonly scopes: string[]
  readonly metadata: Record<string, unknown>
  readonly created_at: Date
  readonly expires_at: Date | null
  readonly revoked_at: Date | null
  readonly rotated_from: string | null
  readonly usage_count: number
  readonly last_used_at: Date | null
}

interface Found {
  readonly key_id: string
  readonly name: string
  readonly secret_hash: string
  readonly scopes: string[]
  readonly metadata: Record<string, unknown>
  readonly expired: boolean
  readonly revoked: boolean
  readonly expires_at: Date | null
}

export const FIND: Operation<string, Found, Found | undefined> = {
  name: 'memory.find_api_keys',
  statement: statement(
    'memory.find_api_keys',
    `select ordinal, key_id, name, secret_hash, scopes, metadata, expired, revoked, expires_at
    from memory.find_api_keys($1::text, $2::jsonb)`,
  ),
  writes: false,
  // A key that was revoked must not be taken because a replica lags.
  primaryOnly: true,
  itemsMax: 2000,
  encode: (id) => JSON.stringify({ id }),
  decode: (row) => row,
  isIdempotent: () => true,
}

const COLUMNS = `k.key_id, k.name, k.scopes, k.metadata, k.created_at, nullif(k.expires_at, 'infinity') as expires_at, k.revoked_at,
  k.rotated_from, k.usage_count, k.last_used_at`

const CREATE = statement<unknown>(
  'memory.create_api_key',
  `insert into memory.api_keys (tenant_id, key_id, name, secret_hash, scopes, metadata, expires_at)
  values (current_setting('pgfleet.tenant'), $1::uuid, $2::text, $3::bytea, $4::text[], $5::jsonb, coalesce($6::timestamptz, 'infinity'))
  on conflict (tenant_id, key_id) do nothing`,
)
const ROTATE = statement<{ expired: boolean; revoked: boolean }>(
  'memory.rotate_api_key',
  `with old as (
    select k.* from memory.api_keys k
    where k.tenant_id = current_setting('pgfleet.tenant') and k.key_id = $1::uuid
    for update
  ),
  made as (
    insert into memory.api_keys (tenant_id, key_id, name, secret_hash, scopes, metadata, expires_at, rotated_from)
    select o.tenant_id, $2::uuid, o.name, $3::bytea, o.scopes, o.metadata,
      coalesce($5::timestamptz, case when o.expires_at = 'infinity' then o.expires_at else now() + (o.expires_at - o.created_at) end), o.key_id
    from old o
    where o.expires_at > now() and o.revoked_at is null
    on conflict (tenant_id, key_id) do nothing
    returning key_id
  ),
  ended as (
    update memory.api_keys k
    set expires_at = least(k.expires_at, now() + make_interval(secs => $4::double precision))
    from old o, made m
    where k.tenant_id = current_setting('pgfleet.tenant') and k.key_id = o.key_id
  )
  select o.expires_at <= now() as expired, o.revoked_at is not null as revoked from old o`,
)
const REVOKE = statement<unknown>(
  'memory.revoke_api_key',
  `update memory.api_keys k set revoked_at = coalesce(k.revoked_at, now())
  where k.tenant_id = current_setting('pgfleet.tenant') and k.key_id = $1::uuid
  returning k.key_id`,
)
const GET = statement<Row>(
  'memory.get_api_key',
  `select ${COLUMNS} from memory.api_keys k where k.tenant_id = current_setting('pgfleet.tenant') and k.key_id = $1::uuid`,
)
const LIST = statement<Row>(
  'memory.list_api_keys',
  `select ${COLUMNS} from memory.api_keys k
  where k.tenant_id = current_setting('pgfleet.tenant') and ($1::uuid is null or k.key_id < $1::uuid)
  order by k.key_id desc
  limit $2::integer`,
)
const DELETE = statement<unknown>(
  'memory.delete_api_key',
  `delete from memory.api_keys k where k.tenant_id = current_setting('pgfleet.tenant') and k.key_id = $1::uuid returning k.key_id`,
)

export const API_KEY_STATEMENTS: readonly Statement<unknown>[] = [
  FIND.statement,
  COUNT_USES.statement,
  CREATE,
  ROTATE,
  REVOKE,
  GET,
  LIST,
  DELETE,
]

const future = z.date().refine((date) => date.getTime() > Date.now(), 'must lie in the future')
const scope = text(1, 100)
const newApiKey = z.strictObject({
  name: text(1, 200),
  scopes: z.array(scope).max(100).default([]),
  expiresAt: future.optional(),
  metadata: members.default({}),
})
const signal = z.instanceof(AbortSignal).optional()
const callOptions = { signal, durability: z.enum(['durable', 'async']).optional() }
const rotateOptions = z.strictObject({
  overlapMs: z
    .int()
    .min(0)
    .max(365 * 86_400_000)
    .default(86_400_000),
  expiresAt: future.optional(),
  ...callOptions,
})
const listOptions = z.strictObject({ after: z.uuid().optional(), limit: z.int().min(1).max(1000).default(100), signal })
const METADATA_LENGTH_MAX = 8_192

/** The id of the tenant that a key says it is of; undefined when the text is no key. */
export function tenantOfKey(key: unknown): string | undefined {
  return typeof key === 'string' ? readApiKey(key)?.tenant : undefined
}

/** Never says what was presented. */
export function unknownKey(): FleetError {
  return new FleetError('KEY_UNKNOWN', { message: 'what was presented is not an API key of this tenant', field: 'key' })
}

export function createApiKeys(session: Session, usage: ApiKeyUsage): ApiKeys {
  const unknownId = (id: string) =>
    new FleetError('KEY_UNKNOWN', { message: `there is no API key with the id ${id}`, field: 'id' })
  return {
    async create(input, options = {}) {
      const { name, scopes, expiresAt, metadata } = check('key', newApiKey, input)
      const json = toJson('key.metadata', metadata, METADATA_LENGTH_MAX)
      const made = makeApiKey(session.tenant)
      const values = [made.keyId, name, made.secretHash, scopes, json, expiresAt ?? null]
      await session.query(CREATE, values, { ...options, idempotent: true })
      return { id: made.keyId, key: made.text }
    },
    async verify(key, input = {}) {
      const options = check('options', z.strictObject({ scope: scope.optional(), signal }), input)
      const parts = typeof key === 'string' ? readApiKey(key) : undefined
      if (parts === undefined || parts.tenant !== session.tenant) throw unknownKey()
      let found: Found | undefined
      try {
        ;[found] = await session.submit(FIND, [parts.keyId], options.signal && { signal: options.signal })
      } catch (error) {
        // Whether a tenant exists is not for whoever presents a key to learn.
        throw isFleetError(error, 'TENANT_UNKNOWN') ? unknownKey() : error
      }
      if (found === undefined || !timingSafeEqual(Buffer.from(found.secret_hash, 'hex'), parts.secretHash)) {
        throw unknownKey()
      }
      const shown = `API key ${found.key_id}`
      if (found.revoked) throw new FleetError('KEY_REVOKED', { message: `${shown} was revoked`, field: 'key' })
      if (found.expired) throw new FleetError('KEY_EXPIRED', { message: `${shown} has expired`, field: 'key' })
      if (options.scope !== undefined && !found.scopes.includes(options.scope) && !found.scopes.includes('*')) {
        throw new FleetError('KEY_SCOPE_MISSING', {
          message: `${shown} has not the scope '${options.scope}'`,
          field: 'options.scope',
        })
      }
      usage.count(session.tenant, found.key_id)
      const { key_id: keyId, name, scopes, metadata, expires_at: expiresAt } = found
      return { tenant: session.tenant, keyId, name, scopes, metadata, expiresAt }
    },
    async rotate(input, options = {}) {
      const id = check('id', z.uuid(), input)
      const { overlapMs, expiresAt, signal, durability } = check('options', rotateOptions, options)
      const made = makeApiKey(session.tenant)
      const values = [id, made.keyId, made.secretHash, overlapMs / 1000, expiresAt ?? null]
      const [old] = await session.query(ROTATE, values, {
        ...(signal && { signal }),
        ...(durability && { durability }),
      })
      if (old === undefined) throw unknownId(id)
      if (old.revoked) throw new FleetError('KEY_REVOKED', { message: `API key ${id} was revoked`, field: 'id' })
      if (old.expired) throw new FleetError('KEY_EXPIRED', { message: `API key ${id} has expired`, field: 'id' })
      return { id: made.keyId, key: made.text }
    },
    async revoke(input, options = {}) {
      const id = check('id', z.uuid(), input)
      const rows = await session.query(REVOKE, [id], { ...options, idempotent: true })
      if (rows.length === 0) throw unknownId(id)
    },
    async get(id, options = {}) {
      const [row] = await session.query(GET, [check('id', z.uuid(), id)], { ...options, idempotent: true })
      return row && toApiKey(row)
    },
    async list(options = {}) {
      const { after, limit, signal } = check('options', listOptions, options)
      const rows = await session.query(LIST, [after ?? null, limit], { idempotent: true, ...(signal && { signal }) })
      return rows.map(toApiKey)
    },
    async delete(id, options = {}) {
      const rows = await session.query(DELETE, [check('id', z.uuid(), id)], { ...options, idempotent: true })
      return rows.length > 0
    },
  }
}

function toApiKey(row: Row): ApiKey {
  return {
    id: row.key_id,
    name: row.name,
    scopes: row.scopes,
    metadata: row.metadata,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    rotatedFrom: row.rotated_from,
    usageCount: row.usage_count,
    lastUsedAt: row.last_used_at,
  }
}
