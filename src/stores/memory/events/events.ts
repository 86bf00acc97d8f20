import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import type { Statement } from '../../../database/statement.js'
import type { AppendedEvent, NewEvent, StoredEvent } from './event.js'
import { APPEND_EVENTS, appendEvents } from './event-append.js'
import { type EventPage, type EventQuery, FIND_EVENTS, GET_EVENT, getEvent, queryEvents } from './event-query.js'
import {
  EVENT_STATS,
  type EventStats,
  eventStats,
  PASS_HAT_K,
  type PassHatK,
  type PassHatKOptions,
  passHatK,
  type TimeRange,
} from './event-stats.js'
import { FOLLOW_EVENTS, type TailedEvent, type TailOptions, tailEvents } from './event-tail.js'

/** The event log of one tenant: appended to, read, followed; an event is never changed. */
export interface Events {
  /**
   * Appends events, at most 5000 a call, all or none; idempotent by id. Who follows the log sees those of a call in their
   * order. Errors: INPUT_INVALID, ID_OUT_OF_WINDOW.
   */
  append(event: NewEvent, options?: CallOptions): Promise<AppendedEvent>
  append(events: readonly NewEvent[], options?: CallOptions): Promise<AppendedEvent[]>
  /** A page of the events that match. Errors: INPUT_INVALID. */
  query(query?: EventQuery, options?: Pick<CallOptions, 'signal'>): Promise<EventPage>
  /** Undefined when there is none. */
  get(id: string, options?: Pick<CallOptions, 'signal'>): Promise<StoredEvent | undefined>
  /**
   * Follows the log: each event once, in an order that is the same for every reader, also those committed out of order.
   * Ends when it is left, its signal fires or the fleet is closed. Errors: INPUT_INVALID at once; while iterating
   * CURSOR_STALE, and those of a database that cannot be reached for `reconnectMs`.
   */
  tail(options?: TailOptions): AsyncIterableIterator<TailedEvent>
  /** Counts the events of a range of time by type; reads all of them. Errors: INPUT_INVALID. */
  stats(range?: TimeRange): Promise<EventStats>
  /**
   * pass^k of the runs in the log, for k from 1 to `kMax`: the chance that k runs of a task all succeed. A run is an event
   * `run.ended` whose payload has `task`, anything, and `reward`, 1 for a success. Errors: INPUT_INVALID.
   */
  passHatK(options?: PassHatKOptions): Promise<PassHatK[]>
}

export const EVENT_STATEMENTS: readonly Statement<unknown>[] = [
  APPEND_EVENTS.statement,
  FIND_EVENTS,
  GET_EVENT,
  FOLLOW_EVENTS,
  EVENT_STATS,
  PASS_HAT_K,
]

export function createEvents(session: Session): Events {
  return {
    append: (async (input: NewEvent | readonly NewEvent[], options?: CallOptions) =>
      Array.isArray(input)
        ? await appendEvents(session, input, options)
        : (await appendEvents(session, [input as NewEvent], options))[0]) as Events['append'],
    query: (query = {}, options) => queryEvents(session, query, options),
    get: (id, options) => getEvent(session, id, options),
    tail: (options) => tailEvents(session, options),
    stats: (range) => eventStats(session, range),
    passHatK: (options) => passHatK(session, options),
  }
}
