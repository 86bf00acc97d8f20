import { z } from 'zod'
import { FleetError } from '../errors.js'
import type { Batcher } from './batch.js'
import type { BatchOptions } from './batch-options.js'
import type { PoolLoad } from './connections.js'
import type { Database } from './database.js'

/** What an open fleet may take up at once. */
export interface FleetLimits extends BatchOptions {
  /** Most connections to the server; one to the embedded database, whatever is asked for. */
  readonly poolMax: number
}

/** The limits of an open fleet, which can be changed while it works; those of this process alone, until it ends. */
export interface FleetTuning {
  /** The limits at present. */
  limits(): FleetLimits
  /**
   * Replaces some of them, within the bounds of the options of `openFleet`; they hold from the next statement on. Connections
   * beyond a lower `poolMax` are closed when they come back. Returns all of them. Errors: INPUT_INVALID.
   */
  change(limits: Partial<FleetLimits>): FleetLimits
  /** What the pool of connections did since the fleet was opened. */
  pool(): PoolLoad
}

const count = (max: number) => z.int().min(1).max(max).optional()

const limits = z.strictObject({
  queueMax: count(10_000_000),
  waitersMax: count(10_000_000),
  flightsMax: count(100),
  bytesMax: z
    .int()
    .min(1024)
    .max(256 * 1024 * 1024)
    .optional(),
  poolMax: count(1000),
})

export function createFleetTuning(database: Database, batcher: Batcher): FleetTuning {
  const present = () => ({ ...batcher.limits, poolMax: database.poolMax })
  return {
    limits: present,
    change(given) {
      const parsed = limits.safeParse(given)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        const name = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0]
        const field = name === undefined ? 'limits' : `limits.${String(name)}`
        throw new FleetError('INPUT_INVALID', { message: `${field}: ${issue?.message}`, field })
      }
      const { poolMax, ...batch } = parsed.data
      batcher.limit(Object.fromEntries(Object.entries(batch).filter(([, value]) => value !== undefined)))
      if (poolMax !== undefined) database.poolMax = poolMax
      return present()
    },
    pool: () => database.poolLoad,
  }
}
