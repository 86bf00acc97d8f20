import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import { createEvents, EVENT_STATEMENTS, type Events } from './events.js'

export type { AppendedEvent, NewEvent, StoredEvent } from './event.js'
export type { EventPage, EventQuery } from './event-query.js'
export type { EventStats, EventTypeCount, PassHatK, PassHatKOptions, TimeRange } from './event-stats.js'
export type { TailedEvent, TailOptions } from './event-tail.js'
export type { TypePattern } from './event-types.js'
export type { Events } from './events.js'

/** What the agents of one tenant remember. */
export interface MemoryStore {
  readonly events: Events
}

/** Every statement of the store, for the test that prepares them all. */
export const MEMORY_STATEMENTS: readonly Statement<unknown>[] = [...EVENT_STATEMENTS]

export function createMemoryStore(session: Session): MemoryStore {
  return { events: createEvents(session) }
}
