import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import type { KeyProvider } from '../../../key-provider.js'

/** A key that encrypts a tenant's secrets. */
export interface DataKey {
  readonly id: string
  readonly key: Uint8Array
}

interface Row {
  readonly data_key_id: string
  readonly master_key_id: string
  readonly wrapped_key: Buffer
}

const ACTIVE = statement<Row>(
  'memory.active_data_key',
  `select d.data_key_id, d.master_key_id, d.wrapped_key from memory.data_keys d
  where d.tenant_id = current_setting('pgfleet.tenant') and d.is_active`,
)
const FIND = statement<Row>(
  'memory.find_data_key',
  `select d.data_key_id, d.master_key_id, d.wrapped_key from memory.data_keys d
  where d.tenant_id = current_setting('pgfleet.tenant') and d.data_key_id = $1::uuid`,
)
const ALL = statement<Row>(
  'memory.list_data_keys',
  `select d.data_key_id, d.master_key_id, d.wrapped_key from memory.data_keys d
  where d.tenant_id = current_setting('pgfleet.tenant')
  order by d.data_key_id`,
)
const ADD = statement<unknown>(
  'memory.add_data_key',
  `insert into memory.data_keys (tenant_id, data_key_id, master_key_id, wrapped_key)
  values (current_setting('pgfleet.tenant'), $1::uuid, $2::text, $3::bytea)
  on conflict do nothing`,
)
const REWRAP = statement<unknown>(
  'memory.rewrap_data_key',
  `update memory.data_keys d set master_key_id = $3::text, wrapped_key = $4::bytea, wrapped_at = now()
  where d.tenant_id = current_setting('pgfleet.tenant') and d.data_key_id = $1::uuid and d.master_key_id = $2::text
  returning d.data_key_id`,
)

export const DATA_KEY_STATEMENTS: readonly Statement<unknown>[] = [ACTIVE, FIND, ALL, ADD, REWRAP]

/** Data keys that a process keeps unwrapped. */
const CACHED_MAX = 1_000

/**
 * The data keys of all tenants, unwrapped once a process: the provider may be a service far away. The oldest are let go of
 * beyond CACHED_MAX.
 */
export class DataKeys {
  readonly #provider: KeyProvider | undefined
  readonly #unwrapped = new Map<string, Uint8Array>()

  constructor(provider: KeyProvider | undefined) {
    this.#provider = provider
  }

  /** The key that encrypts the tenant's new secrets; made when there is none. Errors: KEY_PROVIDER_MISSING, KEY_PROVIDER_FAILED. */
  async active(session: Session, signal?: AbortSignal): Promise<DataKey> {
    const provider = this.#theProvider()
    const how = { idempotent: true, ...(signal && { signal }) }
    let [row] = await session.query(ACTIVE, [], how)
    if (row === undefined) {
      const id = uuidv7()
      const key = randomBytes(32)
      const [masterKeyId, wrapped] = await asked(async () => {
        const masterKeyId = await provider.currentKeyId()
        return [masterKeyId, await provider.wrap(masterKeyId, key, contextOf(session.tenant, id))] as const
      })
      // Whoever was quicker has made the one that counts.
      await session.query(ADD, [id, masterKeyId, Buffer.from(wrapped)], how)
      ;[row] = await session.query(ACTIVE, [], how)
    }
    if (row === undefined) throw new Error('the tenant has no active data key')
    return { id: row.data_key_id, key: await this.#unwrap(session.tenant, row) }
  }

  /** The key of that id. Errors: KEY_PROVIDER_MISSING, KEY_PROVIDER_FAILED. */
  async byId(session: Session, id: string): Promise<DataKey> {
    this.#theProvider()
    const cached = this.#unwrapped.get(`${session.tenant}\n${id}`)
    if (cached !== undefined) return { id, key: cached }
    const [row] = await session.query(FIND, [id], { idempotent: true })
    if (row === undefined) throw new Error(`data key ${id} is not there, though a secret refers to it`)
    return { id, key: await this.#unwrap(session.tenant, row) }
  }

  /** Wraps the tenant's data keys with the provider's current master key; how many were wrapped with another one. */
  async rewrap(session: Session): Promise<number> {
    const provider = this.#theProvider()
    const current = await asked(() => provider.currentKeyId())
    let count = 0
    for (const row of await session.query(ALL, [], { idempotent: true })) {
      if (row.master_key_id === current) continue
      const context = contextOf(session.tenant, row.data_key_id)
      const wrapped = await asked(async () => {
        const key = await provider.unwrap(row.master_key_id, row.wrapped_key, context)
        return await provider.wrap(current, key, context)
      })
      // Of two who rewrap at once the second changes nothing.
      const values = [row.data_key_id, row.master_key_id, current, Buffer.from(wrapped)]
      count += (await session.query(REWRAP, values, { idempotent: true })).length
    }
    return count
  }

  #theProvider(): KeyProvider {
    if (this.#provider === undefined) {
      throw new FleetError('KEY_PROVIDER_MISSING', { message: 'secrets need a provider of master keys' })
    }
    return this.#provider
  }

  async #unwrap(tenant: string, row: Row): Promise<Uint8Array> {
    const place = `${tenant}\n${row.data_key_id}`
    const cached = this.#unwrapped.get(place)
    if (cached !== undefined) return cached
    const provider = this.#theProvider()
    const key = await asked(() =>
      provider.unwrap(row.master_key_id, row.wrapped_key, contextOf(tenant, row.data_key_id)),
    )
    const [oldest] = this.#unwrapped.keys()
    if (this.#unwrapped.size >= CACHED_MAX && oldest !== undefined) this.#unwrapped.delete(oldest)
    this.#unwrapped.set(place, key)
    return key
  }
}

/** Tenant ids hold no colon, so no two contexts are the same. */
function contextOf(tenant: string, dataKeyId: string): string {
  return `pgfleet:data-key:${tenant}:${dataKeyId}`
}

async function asked<T>(ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    throw new FleetError('KEY_PROVIDER_FAILED', {
      message: `the provider of master keys failed: ${cause instanceof Error ? cause.message : 'it threw no error'}`,
      cause,
    })
  }
}
