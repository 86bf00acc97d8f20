import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { toJson } from '../../../content.js'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { check, members, text } from '../../../input.js'
import { seal, unseal } from '../../../key-provider.js'
import { DATA_KEY_STATEMENTS, type DataKeys } from './data-keys.js'

/** What is known of a version of a secret, without its value. */
export interface SecretVersion {
  readonly id: string
  readonly service: string
  readonly version: number
  /** One version of a service is active, or none. */
  readonly isActive: boolean
  readonly metadata: Record<string, unknown>
  readonly createdAt: Date
  readonly deactivatedAt: Date | null
}

/** Secrets of the services that one tenant uses, encrypted before they leave this process. */
export interface Secrets {
  /**
   * Keeps a value as the active version of the service's secret; the one before stays, inactive. The value has 1 to 65,536
   * characters. Errors: INPUT_INVALID, KEY_PROVIDER_MISSING, KEY_PROVIDER_FAILED, CONFLICT.
   */
  set(
    service: string,
    value: string,
    options?: { metadata?: Record<string, unknown> } & CallOptions,
  ): Promise<SecretVersion>
  /** As `set`, of a service that has an active secret. Errors: also SECRET_UNKNOWN. */
  rotate(
    service: string,
    value: string,
    options?: { metadata?: Record<string, unknown> } & CallOptions,
  ): Promise<SecretVersion>
  /** The value of the active version, or of that one. Errors: SECRET_UNKNOWN, SECRET_UNREADABLE, KEY_PROVIDER_MISSING, KEY_PROVIDER_FAILED. */
  get(service: string, options?: { version?: number; signal?: AbortSignal }): Promise<string>
  /** Makes no version active, and keeps them; false when none was. */
  deactivate(service: string, options?: CallOptions): Promise<boolean>
  /** The versions by service and version, newest last, `limit` at a time; never a value. @default limit 100 */
  list(options?: {
    service?: string
    after?: { service: string; version: number }
    limit?: number
    signal?: AbortSignal
  }): Promise<SecretVersion[]>
  /** Removes all versions of a service, or that one; how many there were. */
  delete(service: string, options?: { version?: number } & CallOptions): Promise<number>
  /**
   * After the master key has changed: wraps this tenant's data keys with the new one. The secrets themselves stay as they
   * are. Returns how many data keys it wrapped.
   */
  rewrap(): Promise<number>
}

interface Row {
  readonly secret_id: string
  readonly service: string
  readonly version: number
  readonly is_active: boolean
  readonly metadata: Record<string, unknown>
  readonly created_at: Date
  readonly deactivated_at: Date | null
}

const COLUMNS = 's.secret_id, s.service, s.version, s.is_active, s.metadata, s.created_at, s.deactivated_at'

const LATEST = statement<{ latest: number; is_active: boolean }>(
  'memory.latest_secret',
  `select coalesce(max(s.version), 0) as latest, coalesce(bool_or(s.is_active), false) as is_active from memory.secrets s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.service = $1::text`,
)
const SET = statement<{ done: boolean }>(
  'memory.set_secret',
  `select memory.set_secret(current_setting('pgfleet.tenant'), $1::uuid, $2::text, $3::integer, $4::uuid, $5::bytea, $6::jsonb,
    $7::boolean) as done`,
)
const GET_VALUE = statement<{ version: number; data_key_id: string; ciphertext: Buffer }>(
  'memory.get_secret',
  `select s.version, s.data_key_id, s.ciphertext from memory.secrets s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.service = $1::text
    and case when $2::integer is null then s.is_active else s.version = $2::integer end`,
)
const GET_VERSION = statement<Row>(
  'memory.get_secret_version',
  `select ${COLUMNS} from memory.secrets s where s.tenant_id = current_setting('pgfleet.tenant') and s.secret_id = $1::uuid`,
)
const DEACTIVATE = statement<unknown>(
  'memory.deactivate_secret',
  `update memory.secrets s set is_active = false, deactivated_at = now()
  where s.tenant_id = current_setting('pgfleet.tenant') and s.service = $1::text and s.is_active
  returning s.secret_id`,
)
const LIST = statement<Row>(
  'memory.list_secrets',
  `select ${COLUMNS} from memory.secrets s
  where s.tenant_id = current_setting('pgfleet.tenant') and ($1::text is null or s.service = $1::text)
    and ($2::text is null or (s.service, s.version) > ($2::text collate "C", $3::integer))
  order by s.service, s.version
  limit $4::integer`,
)
const DELETE = statement<unknown>(
  'memory.delete_secret',
  `delete from memory.secrets s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.service = $1::text and ($2::integer is null or s.version = $2::integer)
  returning s.secret_id`,
)

export const SECRET_STATEMENTS: readonly Statement<unknown>[] = [
  LATEST,
  SET,
  GET_VALUE,
  GET_VERSION,
  DEACTIVATE,
  LIST,
  DELETE,
  ...DATA_KEY_STATEMENTS,
]

const service = text(1, 200)
const secretValue = text(1, 65_536)
const version = z.int().min(1).max(2_147_483_647)
const signal = z.instanceof(AbortSignal).optional()
const callOptions = { signal, durability: z.enum(['durable', 'async']).optional() }
const setOptions = z.strictObject({ metadata: members.default({}), ...callOptions })
const listOptions = z.strictObject({
  service: service.optional(),
  after: z.strictObject({ service, version }).optional(),
  limit: z.int().min(1).max(1000).default(100),
  signal,
})
const METADATA_LENGTH_MAX = 8_192
/** Others who set the same secret at the same moment may come first so often. */
const ATTEMPTS_MAX = 20

export function createSecrets(session: Session, dataKeys: DataKeys): Secrets {
  const unknown = (name: string) =>
    new FleetError('SECRET_UNKNOWN', {
      message: `there is no active secret for '${name.slice(0, 80)}'`,
      field: 'service',
    })

  async function set(
    rotates: boolean,
    inputService: string,
    inputValue: string,
    input: { metadata?: Record<string, unknown> } & CallOptions = {},
  ): Promise<SecretVersion> {
    const name = check('service', service, inputService)
    const value = Buffer.from(check('value', secretValue, inputValue))
    const { metadata, signal, durability } = check('options', setOptions, input)
    const json = toJson('options.metadata', metadata, METADATA_LENGTH_MAX)
    const how = { ...(signal && { signal }), ...(durability && { durability }) }
    const dataKey = await dataKeys.active(session, signal)
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const [found] = await session.query(LATEST, [name], { idempotent: true })
      if (rotates && !found?.is_active) throw unknown(name)
      const next = (found?.latest ?? 0) + 1
      const id = uuidv7()
      const sealed = seal(dataKey.key, value, contextOf(session.tenant, name, next))
      const [row] = await session.query(SET, [id, name, next, dataKey.id, sealed, json, rotates], how)
      if (!row?.done) continue
      const [made] = await session.query(GET_VERSION, [id], { idempotent: true })
      if (made !== undefined) return toVersion(made)
      // Deleted again before it was read.
      throw unknown(name)
    }
    throw new FleetError('CONFLICT', { message: `others set the secret of '${name.slice(0, 80)}' all the time` })
  }

  return {
    set: (name, value, options) => set(false, name, value, options),
    rotate: (name, value, options) => set(true, name, value, options),
    async get(input, options = {}) {
      const name = check('service', service, input)
      const given = check('options', z.strictObject({ version: version.optional(), signal }), options)
      const [row] = await session.query(GET_VALUE, [name, given.version ?? null], {
        idempotent: true,
        ...(given.signal && { signal: given.signal }),
      })
      if (row === undefined) throw unknown(name)
      const { key } = await dataKeys.byId(session, row.data_key_id)
      try {
        return unseal(key, row.ciphertext, contextOf(session.tenant, name, row.version)).toString()
      } catch (cause) {
        throw new FleetError('SECRET_UNREADABLE', {
          message: `version ${row.version} of the secret of '${name.slice(0, 80)}' cannot be decrypted`,
          field: 'service',
          cause,
        })
      }
    },
    async deactivate(input, options = {}) {
      const rows = await session.query(DEACTIVATE, [check('service', service, input)], { ...options, idempotent: true })
      return rows.length > 0
    },
    async list(options = {}) {
      const { service, after, limit, signal } = check('options', listOptions, options)
      const values = [service ?? null, after?.service ?? null, after?.version ?? null, limit]
      return (await session.query(LIST, values, { idempotent: true, ...(signal && { signal }) })).map(toVersion)
    },
    async delete(input, options = {}) {
      const name = check('service', service, input)
      const given = check('options', z.strictObject({ version: version.optional(), ...callOptions }), options)
      const { version: one, signal, durability } = given
      const rows = await session.query(DELETE, [name, one ?? null], {
        idempotent: true,
        ...(signal && { signal }),
        ...(durability && { durability }),
      })
      return rows.length
    },
    rewrap: () => dataKeys.rewrap(session),
  }
}

/** JSON keeps the parts apart, whatever is in them. */
function contextOf(tenant: string, service: string, version: number): string {
  return `pgfleet:secret:${JSON.stringify([tenant, service, version])}`
}

function toVersion(row: Row): SecretVersion {
  return {
    id: row.secret_id,
    service: row.service,
    version: row.version,
    isActive: row.is_active,
    metadata: row.metadata,
    createdAt: row.created_at,
    deactivatedAt: row.deactivated_at,
  }
}
