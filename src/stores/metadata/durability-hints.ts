import type { Durability } from '../../database/batch.js'
import type { GroupDurability } from './groups.js'

/** Most entities that are remembered; about 20 MB. */
const ENTITIES_MAX = 100_000

/**
 * Which entities are of groups that need not wait for the disk, as their last writes told: it decides which writes leave
 * together. What a write is given decides the database alone, so a hint that has grown old costs time and nothing else.
 * The one that was written down first gives way.
 */
export class DurabilityHints {
  readonly #relaxed = new Map<string, true>()

  /** The queue for a write: `durable` when nothing is known of the entity. */
  laneOf(tenant: string, entity: string): Durability {
    return this.#relaxed.size > 0 && this.#relaxed.has(`${tenant} ${entity}`) ? 'async' : 'durable'
  }

  /** What a write that had asked for nothing was given. */
  learn(tenant: string, entity: string, durability: GroupDurability): void {
    if (durability === 'durable') {
      if (this.#relaxed.size > 0) this.#relaxed.delete(`${tenant} ${entity}`)
      return
    }
    this.#relaxed.set(`${tenant} ${entity}`, true)
    if (this.#relaxed.size <= ENTITIES_MAX) return
    for (const oldest of this.#relaxed.keys()) {
      this.#relaxed.delete(oldest)
      return
    }
  }
}
