import { z } from 'zod'
import type { Session } from '../../database/session.js'
import { type Statement, statement } from '../../database/statement.js'
import { check } from '../../input.js'
import { assertService } from './agent.js'

/** How a step of upkeep runs. */
export interface UpkeepOptions {
  /** Most rows of one statement, 1 to 100,000. @default 1000 */
  readonly rowsMax?: number
  readonly signal?: AbortSignal
}

/** What keeps the store in order; for a schedule, and for the service only. A ticker does all of it. */
export interface Upkeep {
  /**
   * Moves the pending writes of volatile groups to where a crash cannot take them, all that are there, in steps of `rowsMax`.
   * `dropped`: those whose entity is gone. Errors: PERMISSION_DENIED, ABORTED between two steps.
   */
  mergeVolatile(options?: UpkeepOptions): Promise<{ merged: number; dropped: number }>
  /**
   * Removes expired entries and entities, which nobody can read any more, at most `rowsMax` of each; those who follow learn
   * of it. Errors: PERMISSION_DENIED.
   */
  deleteExpired(options?: UpkeepOptions): Promise<{ entries: number; entities: number }>
  /** Removes the marks of keys deleted more than two hours ago, at most `rowsMax`; how many. Errors: PERMISSION_DENIED. */
  forgetTombstones(options?: UpkeepOptions): Promise<number>
}

const MERGE = statement<{ merged: number; dropped: number; last_entity: string | null; last_key: string | null }>(
  'metadata.merge_volatile',
  `select merged, dropped, last_entity, last_key
  from metadata.merge_volatile(current_setting('pgfleet.tenant'), $1::integer, $2::uuid, $3::text)`,
)

const DELETE_EXPIRED = statement<{ entries: number; entities: number }>(
  'metadata.delete_expired',
  `select entries, entities from metadata.delete_expired(current_setting('pgfleet.tenant'), $1::integer)`,
)

const FORGET = statement<{ forgotten: number }>(
  'metadata.forget_tombstones',
  `select metadata.forget_tombstones(current_setting('pgfleet.tenant'), $1::integer) as forgotten`,
)

export const UPKEEP_STATEMENTS: readonly Statement<unknown>[] = [MERGE, DELETE_EXPIRED, FORGET]

const upkeepOptions = z.strictObject({
  rowsMax: z.int().min(1).max(100_000).default(1000),
  signal: z.instanceof(AbortSignal).optional(),
})

export function createUpkeep(session: Session, agent: string | undefined): Upkeep {
  const checked = (options: UpkeepOptions) => {
    const { rowsMax, signal } = check('options', upkeepOptions, options)
    assertService(agent, 'do upkeep')
    return { rowsMax, how: { idempotent: true, ...(signal && { signal }) } }
  }
  return {
    async mergeVolatile(options = {}) {
      const { rowsMax, how } = checked(options)
      const done = { merged: 0, dropped: 0 }
      for (let after: readonly [string | null, string | null] = [null, null]; ; ) {
        const [row] = await session.query(MERGE, [rowsMax, ...after], how)
        done.merged += row?.merged ?? 0
        done.dropped += row?.dropped ?? 0
        if (row === undefined || row.last_entity === null || row.merged + row.dropped === 0) return done
        after = [row.last_entity, row.last_key]
      }
    },
    async deleteExpired(options = {}) {
      const { rowsMax, how } = checked(options)
      const [row] = await session.query(DELETE_EXPIRED, [rowsMax], how)
      return row ?? { entries: 0, entities: 0 }
    },
    async forgetTombstones(options = {}) {
      const { rowsMax, how } = checked(options)
      const [row] = await session.query(FORGET, [rowsMax], how)
      return row?.forgotten ?? 0
    },
  }
}
