import type { Operation } from '../../../database/batch.js'
import { statement } from '../../../database/statement.js'

/** Uses of one key that are not written yet. */
interface Uses {
  readonly tenant: string
  readonly id: string
  count: number
  lastUsedAt: Date
}

export const COUNT_USES: Operation<Uses, object, undefined> = {
  name: 'memory.count_api_key_uses',
  statement: statement(
    'memory.count_api_key_uses',
    'select ordinal from memory.count_api_key_uses($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 2000,
  encode: ({ id, count, lastUsedAt }) => JSON.stringify({ id, count, last_used_at: lastUsedAt }),
  decode: () => undefined,
  isIdempotent: () => false,
}

/** Writes the uses of a tenant's keys. */
export type WriteUses = (tenant: string, uses: readonly Uses[]) => Promise<unknown>

/** How long uses wait before they are written, in milliseconds: what a crash of this process loses. */
export const USAGE_FLUSH_MS = 5_000
/** Keys with uses that wait; one more writes them at once. */
const KEYS_MAX = 10_000

/**
 * Counts uses of API keys in this process, so that to verify a key costs no write. They are written every few seconds
 * while there are any, and when the fleet is closed. Uses whose writing failed are counted again; after a lost connection
 * they may have been written, and are then dropped rather than counted twice.
 */
export class ApiKeyUsage {
  readonly #write: WriteUses
  #uses = new Map<string, Uses>()
  #timer: NodeJS.Timeout | undefined
  #flight: Promise<void> = Promise.resolve()

  constructor(write: WriteUses) {
    this.#write = write
  }

  count(tenant: string, id: string): void {
    this.#add(tenant, id, 1, new Date())
    if (this.#uses.size >= KEYS_MAX) void this.flush()
    // Does not keep the process alive: close() writes what is left.
    this.#timer ??= setTimeout(() => void this.flush(), USAGE_FLUSH_MS).unref()
  }

  /** Writes what has been counted. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const uses = this.#uses
    this.#uses = new Map()
    const byTenant = new Map<string, Uses[]>()
    for (const each of uses.values()) byTenant.set(each.tenant, [...(byTenant.get(each.tenant) ?? []), each])
    this.#flight = this.#flight.then(async () => {
      for (const [tenant, theirs] of byTenant) {
        for (let i = 0; i < theirs.length; i += COUNT_USES.itemsMax) {
          await this.#send(tenant, theirs.slice(i, i + COUNT_USES.itemsMax))
        }
      }
    })
    return this.#flight
  }

  async #send(tenant: string, uses: readonly Uses[]): Promise<void> {
    try {
      await this.#write(tenant, uses)
    } catch (error) {
      const { code } = error as { code?: string }
      // The key's tenant is gone, or it may have been written.
      if (code === 'TENANT_UNKNOWN' || code === 'OUTCOME_UNKNOWN' || code === 'CLOSED') return
      for (const { id, count, lastUsedAt } of uses) this.#add(tenant, id, count, lastUsedAt)
    }
  }

  #add(tenant: string, id: string, count: number, lastUsedAt: Date): void {
    const key = `${tenant}\n${id}`
    const uses = this.#uses.get(key)
    if (uses === undefined) {
      // What cannot be written must not grow without end.
      if (this.#uses.size < 2 * KEYS_MAX) this.#uses.set(key, { tenant, id, count, lastUsedAt })
      return
    }
    uses.count += count
    if (lastUsedAt > uses.lastUsedAt) uses.lastUsedAt = lastUsedAt
  }
}
