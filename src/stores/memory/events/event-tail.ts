import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { isFleetError } from '../../../errors.js'
import { check } from '../../../input.js'
import { cursorText, toPosition } from '../../../log-position.js'
import { type EventRow, type StoredEvent, toEvent } from './event.js'
import { type TypePattern, typePatterns } from './event-types.js'

/** How the log is followed. */
export interface TailOptions {
  /**
   * Where to begin: a `cursor`, behind which the reader goes on and misses nothing; `start`, the oldest event kept; `now`,
   * what is appended from now on (and what transactions append that run now, or began after one that does).
   * @default 'now'
   */
  readonly after?: string
  /** The types of events that are wanted. @default all */
  readonly type?: TypePattern
  /** Longest wait between two looks at the log, in milliseconds, 10 to 60000; after an event the waits begin anew at 10. @default 1000 */
  readonly pollMs?: number
  /** Events looked at at once, 1 to 5000: what the reader holds in memory at most. @default 500 */
  readonly batch?: number
  /** How long a database that cannot be reached is tried again before its error is thrown, in milliseconds, up to a day. @default 60000 */
  readonly reconnectMs?: number
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal
}

/** An event that was read off the log. */
export interface TailedEvent extends StoredEvent {
  /** The place of this event in the log: begin there to go on behind it. */
  readonly cursor: string
}

export const FOLLOW_EVENTS = statement<
  EventRow & { log: string; transaction_id: string; sequence: string; more: boolean }
>(
  'memory.follow_events',
  `select f.log, f.transaction_id::text as transaction_id, f.sequence::text as sequence, f.more, f.event_id, f.event_type, f.occurred_at,
    f.recorded_at, f.session_id, f.correlation_id, f.source, f.agent_id, f.payload
  from memory.follow_events(current_setting('pgfleet.tenant'), $1::text, $2::xid8, $3::bigint, $4::text[], $5::integer) f`,
)

const tailOptions = z.strictObject({
  after: cursorText.or(z.enum(['start', 'now'], 'is neither a cursor nor start or now')).default('now'),
  type: typePatterns,
  pollMs: z.int().min(10).max(60_000).default(1000),
  batch: z.int().min(1).max(5000).default(500),
  reconnectMs: z.int().min(0).max(86_400_000).default(60_000),
  signal: z.instanceof(AbortSignal).optional(),
})

type Position = readonly [log: string | null, transaction: string | null, sequence: string | null]

/** Errors: INPUT_INVALID at once; CURSOR_STALE, and what a lost database leads to, while iterating. */
export function tailEvents(session: Session, input: TailOptions = {}): AsyncGenerator<TailedEvent, void, undefined> {
  const { after, type, ...options } = check('options', tailOptions, input)
  const at = toPosition(after)
  const position: Position = [
    at?.log ?? null,
    at?.transaction.toString() ?? null,
    at?.sequence.toString() ?? (after === 'start' ? '0' : null),
  ]
  return follow(session, position, type, options)
}

async function* follow(
  session: Session,
  start: Position,
  types: string[] | null,
  { pollMs, batch, reconnectMs, signal }: Omit<z.output<typeof tailOptions>, 'after' | 'type'>,
): AsyncGenerator<TailedEvent, void, undefined> {
  const read = async (position: Position) =>
    await session.query(FOLLOW_EVENTS, [...position, types, batch], { idempotent: true })
  let position = start
  let waitMs = 10
  let lostAt: number | undefined
  while (!signal?.aborted) {
    let rows: Awaited<ReturnType<typeof read>>
    try {
      rows = await read(position)
      lostAt = undefined
    } catch (error) {
      if (isFleetError(error, 'CLOSED')) return
      lostAt ??= performance.now()
      if (!isLoss(error) || performance.now() - lostAt >= reconnectMs) throw error
      waitMs = Math.min(pollMs, waitMs * 2)
      await pause(waitMs, signal)
      continue
    }
    const end = rows.pop()
    if (end === undefined) throw new Error('memory.follow_events returned no row')
    for (const row of rows) {
      if (signal?.aborted) return
      yield { ...toEvent(row), cursor: `${row.log}:${row.transaction_id}:${row.sequence}` }
    }
    position = [end.log, end.transaction_id, end.sequence]
    if (rows.length > 0) waitMs = 10
    if (end.more) continue
    await pause(waitMs, signal)
    waitMs = Math.min(pollMs, waitMs * 2)
  }
}

/** A lost or overloaded database may come back; reading it again does no harm. */
function isLoss(error: unknown): boolean {
  return isFleetError(error) && (error.retryable || error.code === 'OUTCOME_UNKNOWN')
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  // Aborted: the caller looks at the signal.
  await sleep(milliseconds, undefined, signal && { signal }).catch(() => {})
}
