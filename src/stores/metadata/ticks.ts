import { z } from 'zod'
import type { CallOptions } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement } from '../../database/statement.js'
import { check, text } from '../../input.js'
import { assertService } from './agent.js'
import { GROUP_TICK_STATEMENTS } from './group-ticks.js'
import { createTicker, TICKER_STATEMENTS, type Ticker, type TickerOptions } from './ticker.js'
import { createUpkeep } from './upkeep.js'

/** A key in a tick: what it held at the tick's end. */
export interface TickedChange {
  readonly entity: string
  /** Null for an entity that has left the group. */
  readonly key: string | null
  readonly version: number | null
  /** As JSON, bytes in base64. */
  readonly value?: unknown
  /** The size of a value of more than 8,192 bytes, which is left out. */
  readonly bytes?: number
  readonly deleted?: true
  readonly left?: true
}

/** A tick that was captured. */
export interface Tick {
  readonly group: string
  /** Counts the ticks in which something had changed, from 1. */
  readonly number: number
  readonly dueAt: Date
  readonly startedAt: Date
  readonly durationMs: number
  /** How long after it was due it started. */
  readonly delayMs: number
  /** What was left of its time at its end; negative when it took longer. */
  readonly headroomMs: number
  readonly isDelayed: boolean
  readonly changeCount: number
  /** The changed keys, in no order. */
  readonly delta: TickedChange[]
}

/** Which ticks to list. */
export interface TickQuery {
  /** Of this sync group. */
  readonly group: string
  /** 1 to 10,000, newest first. @default as many as the group keeps */
  readonly limit?: number
}

/** Snapshots of what has changed, a tick of a group each; a ring of as many as the group keeps. */
export interface Ticks {
  /**
   * Ticks this tenant's groups from now on, as long as no other process does: each group with changes is ticked by one
   * process, another takes over when it dies. Also keeps the times of entities and agents, merges volatile writes, deletes
   * what has expired, and empties the log. For the service; not for a transaction. Errors: INPUT_INVALID,
   * PERMISSION_DENIED.
   */
  start(options?: TickerOptions): Ticker
  /** The last ticks of a group, newest first. Errors: INPUT_INVALID, SYNC_GROUP_UNKNOWN, PERMISSION_DENIED. */
  list(query: TickQuery, options?: Pick<CallOptions, 'signal'>): Promise<Tick[]>
}

const LIST = readStatement<{
  /** Null in the one row of a group without ticks. */
  tick_number: number | null
  due_at: Date
  started_at: Date
  duration_ms: number
  delay_ms: number
  headroom_ms: number
  is_delayed: boolean
  change_count: number
  delta: TickedChange[]
}>(
  'metadata.list_ticks',
  // Refuses first: what is selected of it, the planner cannot leave out.
  `select a.refusal, t.tick_number, t.due_at, t.started_at, t.duration_ms, t.delay_ms, t.headroom_ms, t.is_delayed, t.change_count, t.delta
  from (select metadata.assert_readable(current_setting('pgfleet.tenant'), $2::text, $1::text)::text as refusal offset 0) a
  left join lateral (
    select k.*
    from metadata.sync_groups g
    cross join lateral (
      select * from metadata.ticks n
      where n.tenant_id = g.tenant_id and n.sync_group = g.sync_group
      order by n.tick_number desc
      limit least($3::integer, g.ticks_kept)
    ) k
    where g.tenant_id = current_setting('pgfleet.tenant') and g.sync_group = $1::text
  ) t on true
  order by t.tick_number desc`,
)

export const TICK_STATEMENTS: readonly Statement<unknown>[] = [LIST, ...GROUP_TICK_STATEMENTS, ...TICKER_STATEMENTS]

const tickQuery = z.strictObject({ group: text(1, 100), limit: z.int().min(1).max(10_000).default(10_000) })

export function createTicks(session: Session, agent: string | undefined): Ticks {
  return {
    start(options) {
      assertService(agent, 'tick sync groups')
      const ticker = createTicker(session, createUpkeep(session, undefined), options)
      ticker.start()
      return ticker
    },
    async list(input, options = {}) {
      const { group, limit } = check('query', tickQuery, input)
      const rows = await session.query(LIST, [group, agent ?? null, limit], { ...options, idempotent: true })
      return rows.flatMap((row) =>
        row.tick_number === null
          ? []
          : [
              {
                group,
                number: row.tick_number,
                dueAt: row.due_at,
                startedAt: row.started_at,
                durationMs: row.duration_ms,
                delayMs: row.delay_ms,
                headroomMs: row.headroom_ms,
                isDelayed: row.is_delayed,
                changeCount: row.change_count,
                delta: row.delta,
              },
            ],
      )
    },
  }
}
