import { z } from 'zod'
import { jsonProblem } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { newId, timeOfId } from '../../../id.js'
import { check, text } from '../../../input.js'
import type { AppendedEvent, NewEvent } from './event.js'
import { EVENT_TYPE_LENGTH_MAX } from './event-types.js'

/** Most events of one call. */
export const EVENTS_MAX = 5000
/** Most characters of an event's payload as JSON. */
export const EVENT_PAYLOAD_LENGTH_MAX = 262_144

interface Item {
  readonly id: string
  readonly json: string
}

export const APPEND_EVENTS: Operation<Item, object, AppendedEvent> = {
  name: 'memory.events.append',
  statement: statement('memory.append_events', 'select ordinal from memory.append_events($1::text, $2::jsonb)'),
  writes: true,
  itemsMax: EVENTS_MAX,
  encode: (item) => item.json,
  // A row comes back for what was there before alone.
  decode: (row, { id }) => ({ id, replayed: row !== undefined }),
  isIdempotent: () => true,
}

const label = text(1, 200).optional()
const events = z
  .array(
    z.strictObject({
      id: z.uuidv7().optional(),
      type: text(1, EVENT_TYPE_LENGTH_MAX),
      occurredAt: z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z')).optional(),
      sessionId: z.uuid().optional(),
      correlationId: label,
      source: label,
      agentId: label,
      payload: z.unknown().optional(),
    }),
  )
  .max(EVENTS_MAX)

/**
 * Appends events, all of a call or none, in the order of the array. Errors: INPUT_INVALID, ID_OUT_OF_WINDOW.
 */
export async function appendEvents(
  session: Session,
  input: readonly NewEvent[],
  options?: CallOptions,
): Promise<AppendedEvent[]> {
  return await session.submit(APPEND_EVENTS, check('events', events, input).map(encode), options)
}

function encode(event: z.output<typeof events>[number], index: number): Item {
  const { occurredAt, sessionId, correlationId, source, agentId, payload } = event
  const id = event.id?.toLowerCase() ?? newId(occurredAt?.getTime())
  if (occurredAt !== undefined && occurredAt.getTime() !== timeOfId(id)) {
    throw new FleetError('INPUT_INVALID', {
      message: `events[${index}].occurredAt is not the time inside the id`,
      hint: 'Make the id of the time of the event, or leave either out.',
      field: `events[${index}].occurredAt`,
    })
  }
  // Written piece by piece, since the payload is text already.
  let json = `{"id":"${id}","type":${JSON.stringify(event.type)}`
  if (sessionId !== undefined) json += `,"session_id":"${sessionId}"`
  if (correlationId !== undefined) json += `,"correlation_id":${JSON.stringify(correlationId)}`
  if (source !== undefined) json += `,"source":${JSON.stringify(source)}`
  if (agentId !== undefined) json += `,"agent_id":${JSON.stringify(agentId)}`
  if (payload !== undefined) json += `,"payload":${toJson(`events[${index}].payload`, payload)}`
  return { id, json: `${json}}` }
}

function toJson(field: string, payload: unknown): string {
  const problem = jsonProblem(payload)
  const json = problem === undefined ? JSON.stringify(payload) : ''
  if (problem === undefined && json.length <= EVENT_PAYLOAD_LENGTH_MAX) return json
  const [path, why] = problem?.split(/: (?=[^:]*$)/) ?? [
    '',
    `has ${json.length} characters of JSON, at most ${EVENT_PAYLOAD_LENGTH_MAX} are allowed`,
  ]
  throw new FleetError('INPUT_INVALID', { message: `${field}${path?.slice(0, 100)} ${why}`, field })
}
