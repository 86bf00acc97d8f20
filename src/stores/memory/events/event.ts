import type { Json } from '../../../content.js'

/** Something that happened, to append. */
export interface NewEvent {
  /** A UUIDv7; appending it twice keeps the first. Its time is that of the event: at most 400 days old, and 31 days ahead. @default one is made */
  readonly id?: string
  /** What kind of thing happened, 1 to 255 characters: `tool.called`. */
  readonly type: string
  /** When, to the millisecond: the time inside the id, where both are given. @default now */
  readonly occurredAt?: Date
  /** The session that it happened in. */
  readonly sessionId?: string
  /** What belongs together (a run, a request, a trace), 1 to 200 characters. */
  readonly correlationId?: string
  /** The component that tells of it, 1 to 200 characters. */
  readonly source?: string
  /** The agent that did it, 1 to 200 characters. */
  readonly agentId?: string
  /** Any JSON, at most 262144 characters of it. @default {} */
  readonly payload?: Json
}

/** What became of an event that was appended. */
export interface AppendedEvent {
  readonly id: string
  /** The id was there before; nothing was written. */
  readonly replayed: boolean
}

/** An event as it is kept. */
export interface StoredEvent {
  readonly id: string
  readonly type: string
  readonly occurredAt: Date
  /** When the transaction began that appended it. */
  readonly recordedAt: Date
  readonly sessionId: string | null
  readonly correlationId: string | null
  readonly source: string | null
  readonly agentId: string | null
  readonly payload: Json
}

/** The columns of an event. */
export interface EventRow {
  readonly event_id: string
  readonly event_type: string
  readonly occurred_at: Date
  readonly recorded_at: Date
  readonly session_id: string | null
  readonly correlation_id: string | null
  readonly source: string | null
  readonly agent_id: string | null
  readonly payload: Json
}

export function toEvent(row: EventRow): StoredEvent {
  return {
    id: row.event_id,
    type: row.event_type,
    occurredAt: row.occurred_at,
    recordedAt: row.recorded_at,
    sessionId: row.session_id,
    correlationId: row.correlation_id,
    source: row.source,
    agentId: row.agent_id,
    payload: row.payload,
  }
}
