import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { type Json, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, statement } from '../../../database/statement.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { count, toUsDollars, type UsDollars, usDollars } from './amounts.js'

export const INTERACTION_TYPES = [
  'chat',
  'code_generation',
  'code_review',
  'testing',
  'deployment',
  'analysis',
  'planning',
  'validation',
  'monitoring',
] as const
/** What an interaction was for. */
export type InteractionType = (typeof INTERACTION_TYPES)[number]

/** How it ended; `completed` is a success, the others count as failed. */
export type InteractionStatus = 'completed' | 'failed' | 'timeout' | 'cancelled'

/** One thing an agent did, to record once it is done. */
export interface NewInteraction {
  /** A UUIDv7 of at most 400 days ago; recording it again changes nothing. @default a new one */
  readonly id?: string
  readonly sessionId: string
  readonly type: InteractionType
  /** @default 'completed' */
  readonly status?: InteractionStatus
  /** @default 0 */
  readonly tokens?: number
  /** @default 0 */
  readonly costUsd?: UsDollars
  /** Milliseconds, kept to the microsecond; at most 31 days. @default 0 */
  readonly durationMs?: number
  /** What was asked and answered: any JSON of at most 262,144 characters each. @default {} */
  readonly request?: Json
  readonly response?: Json
  /** Why it failed: 1 to 10,000 characters. */
  readonly error?: string
  readonly workflowId?: string
  /** 1 to 200 characters. */
  readonly task?: string
}

/** What recording an interaction came to. */
export interface RecordedInteraction {
  readonly id: string
  /** Its place in the session, from 1, without gaps or doubles. */
  readonly sequence: number
  /** It was recorded before, or comes a second time in this call; nothing was counted. */
  readonly replayed: boolean
}

/** An interaction as it was recorded. */
export interface Interaction {
  readonly id: string
  readonly sessionId: string
  readonly sequence: number
  readonly type: InteractionType
  readonly status: InteractionStatus
  readonly tokens: number
  /** Exact, as decimal text. */
  readonly costUsd: string
  readonly durationMs: number
  readonly request: Json
  readonly response: Json
  readonly error: string | null
  readonly workflowId: string | null
  readonly task: string | null
  readonly recordedAt: Date
}

/** Most interactions of one call. */
export const INTERACTIONS_MAX = 2000
const OBJECT_LENGTH_MAX = 262_144

interface Item {
  readonly id: string
  readonly json: string
}

export const RECORD: Operation<Item, { sequence: number; replayed: boolean }, RecordedInteraction> = {
  name: 'delivery.record_interactions',
  statement: statement(
    'delivery.record_interactions',
    'select ordinal, sequence, replayed from delivery.record_interactions($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: INTERACTIONS_MAX,
  // A statement costs as much as several interactions.
  itemsMin: 20,
  encode: (item) => item.json,
  decode: (row, { id }) => {
    if (row === undefined) throw new Error('the database returned no row for an interaction')
    return { id, sequence: row.sequence, replayed: row.replayed }
  },
  isIdempotent: () => true,
}

interface Row {
  readonly interaction_id: string
  readonly session_id: string
  readonly sequence: number
  readonly interaction_type: InteractionType
  readonly status: InteractionStatus
  readonly tokens: number
  readonly cost_usd: string
  readonly duration_us: number
  readonly request: Json
  readonly response: Json
  readonly error_message: string | null
  readonly workflow_id: string | null
  readonly task: string | null
  readonly recorded_at: Date
}

export const LIST_INTERACTIONS = readStatement<Row>(
  'delivery.list_interactions',
  `select interaction_id, session_id, sequence, interaction_type, status, tokens, cost_usd::text as cost_usd, duration_us, request, response,
    error_message, workflow_id, task, recorded_at
  from delivery.agent_interactions i
  where i.tenant_id = current_setting('pgfleet.tenant') and i.session_id = $1::uuid and i.sequence > $2::bigint
  order by i.sequence
  limit $3::integer`,
)

const interactions = z.array(
  z.strictObject({
    id: z.uuidv7().optional(),
    sessionId: z.uuid(),
    type: z.enum(INTERACTION_TYPES),
    status: z.enum(['completed', 'failed', 'timeout', 'cancelled']).default('completed'),
    tokens: count.default(0),
    costUsd: usDollars.default('0'),
    durationMs: z
      .number()
      .min(0)
      .max(31 * 86_400_000)
      .default(0),
    request: z.unknown().optional(),
    response: z.unknown().optional(),
    error: text(1, 10_000).optional(),
    workflowId: z.uuid().optional(),
    task: text(1, 200).optional(),
  }),
)
const listOptions = z.strictObject({
  after: z.int().min(0).default(0),
  limit: z.int().min(1).max(1000).default(100),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Records interactions, all of a call or none, in the order of the array. */
export async function recordInteractions(
  session: Session,
  identity: Identity,
  input: readonly NewInteraction[],
  options?: CallOptions,
): Promise<RecordedInteraction[]> {
  const who = encodeIdentity(identity)
  const items = check('interactions', interactions, input).map((item, index): Item => {
    const id = item.id?.toLowerCase() ?? uuidv7()
    const json = (member: 'request' | 'response') =>
      item[member] === undefined
        ? ''
        : `,"${member}":${toJson(`interactions[${index}].${member}`, item[member], OBJECT_LENGTH_MAX)}`
    const rest = JSON.stringify({
      id,
      session_id: item.sessionId,
      type: item.type,
      status: item.status,
      tokens: item.tokens,
      cost: item.costUsd,
      duration_us: Math.round(item.durationMs * 1000),
      error: item.error,
      workflow_id: item.workflowId,
      task: item.task,
      ...who,
    })
    const request = item.request === undefined ? ',"request":{}' : json('request')
    return { id, json: `${rest.slice(0, -1)}${request}${json('response')}}` }
  })
  return await session.submit(RECORD, items, options)
}

/** The interactions of a session in their sequence, behind the one of number `after`. */
export async function listInteractions(
  session: Session,
  sessionId: string,
  options: { after?: number; limit?: number; signal?: AbortSignal } = {},
): Promise<Interaction[]> {
  check('sessionId', z.uuid(), sessionId)
  const { after, limit, signal } = check('options', listOptions, options)
  const how = { idempotent: true, ...(signal && { signal }) }
  return (await session.query(LIST_INTERACTIONS, [sessionId, after, limit], how)).map((row) => ({
    id: row.interaction_id,
    sessionId: row.session_id,
    sequence: row.sequence,
    type: row.interaction_type,
    status: row.status,
    tokens: row.tokens,
    costUsd: toUsDollars(row.cost_usd),
    durationMs: row.duration_us / 1000,
    request: row.request,
    response: row.response,
    error: row.error_message,
    workflowId: row.workflow_id,
    task: row.task,
    recordedAt: row.recorded_at,
  }))
}
