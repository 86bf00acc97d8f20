import { z } from 'zod'
import { type Json, STATE_LENGTH_MAX, toJson } from '../../../content.js'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import { type EventRow, type StoredEvent, toEvent } from './event.js'
import { type TypePattern, typePatterns } from './event-types.js'

/** Which events are wanted. What is left out matches every event; an event matches all that is given. */
export interface EventQuery {
  /** Occurred at this time or later. Without a range every month of the log is looked into. */
  readonly from?: Date
  /** Occurred before this time. */
  readonly to?: Date
  readonly type?: TypePattern
  readonly correlationId?: string
  readonly sessionId?: string
  readonly source?: string
  readonly agentId?: string
  /** What the payload contains: `{ tool: 'search' }`, by the rules of `@>`. At most 65536 characters of JSON. */
  readonly payload?: Json
  /** By id, and so by time. @default 'asc' */
  readonly order?: 'asc' | 'desc'
  /** Most events of the page, 1 to 1000. @default 100 */
  readonly limit?: number
  /** The `next` of the page before, with the same query. */
  readonly after?: string
  /**
   * Most events looked at for the page, 1000 to 1000000, when events are found by what no index holds (payload, source,
   * agent, types beyond the first 50 that match): a page may then be short, or empty, and have a `next`. @default 100000
   */
  readonly scanMax?: number
}

/** Some events, and where to go on. */
export interface EventPage {
  readonly events: readonly StoredEvent[]
  /** What `after` of the next page is; undefined when all was read. */
  readonly next: string | undefined
}

export const FIND_EVENTS = readStatement<EventRow & { reached: string }>(
  'memory.find_events',
  `select f.reached, f.event_id, f.event_type, f.occurred_at, f.recorded_at, f.session_id, f.correlation_id, f.source,
    f.agent_id, f.payload
  from memory.find_events(current_setting('pgfleet.tenant'), $1::jsonb) f`,
)

export const GET_EVENT = readStatement<EventRow>(
  'memory.get_event',
  `select e.event_id, e.event_type, e.occurred_at, e.recorded_at, e.session_id, e.correlation_id, e.source, e.agent_id, e.payload
  from memory.events e
  where e.tenant_id = current_setting('pgfleet.tenant') and e.event_id = $1::uuid`,
)

const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))
const label = text(1, 200).optional()
const query = z
  .strictObject({
    from: moment.optional(),
    to: moment.optional(),
    type: typePatterns,
    correlationId: label,
    sessionId: z.uuid().optional(),
    source: label,
    agentId: label,
    payload: z.unknown().optional(),
    order: z.enum(['asc', 'desc']).default('asc'),
    limit: z.int().min(1).max(1000).default(100),
    after: z.uuid().optional(),
    scanMax: z.int().min(1000).max(1_000_000).default(100_000),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    message: 'must be later than from',
  })

/** A page of events. Errors: INPUT_INVALID. */
export async function queryEvents(session: Session, input: EventQuery, options?: CallOptions): Promise<EventPage> {
  const { from, to, type, correlationId, sessionId, source, agentId, payload, order, limit, after, scanMax } = check(
    'query',
    query,
    input,
  )
  const given = {
    from,
    to,
    types: type ?? undefined,
    correlation_id: correlationId,
    session_id: sessionId,
    source,
    agent_id: agentId,
    descending: order === 'desc',
    limit,
    scan: scanMax,
    after,
    ...(payload === undefined ? {} : { payload: JSON.parse(toJson('query.payload', payload, STATE_LENGTH_MAX)) }),
  }
  const rows = await session.query(FIND_EVENTS, [JSON.stringify(given)], { ...options, idempotent: true })
  const last = rows.at(-1)
  const isEnd = last === undefined || last.event_id !== null
  return {
    events: (isEnd ? rows : rows.slice(0, -1)).map(toEvent),
    next: isEnd ? undefined : last.reached,
  }
}

/** The event of an id. Errors: INPUT_INVALID. */
export async function getEvent(session: Session, id: string, options?: CallOptions): Promise<StoredEvent | undefined> {
  const [row] = await session.query(GET_EVENT, [check('id', z.uuid(), id)], { ...options, idempotent: true })
  return row && toEvent(row)
}
