import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check } from '../../../input.js'
import {
  AGENT_SESSION_COLUMNS,
  AGENT_SESSION_STATUSES,
  type AgentSession,
  type AgentSessionChange,
  type AgentSessionRow,
  type AgentSessionStatus,
  agentSessionChanges,
  encodeAgentSessionChange,
  encodeNewAgentSession,
  type NewAgentSession,
  newAgentSessions,
  toAgentSession,
} from './agent-session.js'
import { AGENT_SESSION_LISTS, type AgentSessionListOptions, listAgentSessions } from './agent-session-list.js'
import {
  type AgentSessionFilter,
  type AgentSessionStatistics,
  agentSessionStatistics,
  STATISTICS,
} from './agent-session-statistics.js'
import {
  type Interaction,
  LIST_INTERACTIONS,
  listInteractions,
  type NewInteraction,
  RECORD,
  type RecordedInteraction,
  recordInteractions,
} from './interactions.js'

/** Sessions of agents, and what they did. */
export interface AgentSessions {
  /**
   * Creates sessions, active. Errors: INPUT_INVALID, ID_CONFLICT, AGENT_SESSION_UNKNOWN for a parent that is not there,
   * AGENT_SESSION_STATE_ILLEGAL for one that has ended.
   */
  create(session: NewAgentSession, options?: CallOptions): Promise<AgentSession>
  create(sessions: readonly NewAgentSession[], options?: CallOptions): Promise<AgentSession[]>
  /** Undefined when there is none. */
  get(id: string, options?: CallOptions): Promise<AgentSession | undefined>
  get(ids: readonly string[], options?: CallOptions): Promise<(AgentSession | undefined)[]>
  /**
   * Changes sessions; one call's changes all count, or none does, and what leaves everything as it is writes nothing.
   * Errors: INPUT_INVALID, AGENT_SESSION_UNKNOWN, AGENT_SESSION_STATE_ILLEGAL, VERSION_CONFLICT, BUDGET_EXCEEDED for a
   * budget below what is used; OUTCOME_UNKNOWN when the connection is lost.
   */
  update(change: AgentSessionChange, options?: CallOptions): Promise<AgentSession>
  update(changes: readonly AgentSessionChange[], options?: CallOptions): Promise<AgentSession[]>
  /** Goes to another status: `update` with a status. Going to the one that it has changes nothing. */
  transition(id: string, status: AgentSessionStatus, options?: CallOptions): Promise<AgentSession>
  /**
   * Records interactions and counts them into their sessions, all of a call or none; at most 2000. Idempotent by id.
   * Errors: INPUT_INVALID, ID_OUT_OF_WINDOW, ID_CONFLICT, AGENT_SESSION_UNKNOWN, AGENT_SESSION_STATE_ILLEGAL,
   * BUDGET_EXCEEDED.
   */
  record(interaction: NewInteraction, options?: CallOptions): Promise<RecordedInteraction>
  record(interactions: readonly NewInteraction[], options?: CallOptions): Promise<RecordedInteraction[]>
  /** The interactions of a session by sequence, `limit` at a time (1 to 1000, 100), behind number `after`. */
  interactions(
    sessionId: string,
    options?: { after?: number; limit?: number; signal?: AbortSignal },
  ): Promise<Interaction[]>
  /** Newest first. */
  list(options?: AgentSessionListOptions): Promise<AgentSession[]>
  /** What the matching sessions did together, with percentiles of their response times. */
  statistics(filter?: AgentSessionFilter): Promise<AgentSessionStatistics>
  /**
   * Ends, as expired, at most `limit` (1000) sessions that are past their time, and with `idleMs` those active or idle that
   * did nothing for so long; how many there were. For a schedule.
   */
  expire(options?: { idleMs?: number; limit?: number; signal?: AbortSignal }): Promise<number>
}

interface Item {
  readonly text: string
  readonly idempotent: boolean
}

const toKnown = (row: AgentSessionRow | undefined): AgentSession => {
  if (row === undefined) throw new Error('the database returned no row for an agent session')
  return toAgentSession(row)
}

export const CREATE: Operation<string, AgentSessionRow, AgentSession> = {
  name: 'delivery.create_agent_sessions',
  statement: statement(
    'delivery.create_agent_sessions',
    `select ordinal, ${AGENT_SESSION_COLUMNS} from delivery.create_agent_sessions($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 2000,
  encode: (item) => item,
  decode: toKnown,
  isIdempotent: () => true,
}

export const GET: Operation<string, AgentSessionRow, AgentSession | undefined> = {
  name: 'delivery.get_agent_sessions',
  statement: statement(
    'delivery.get_agent_sessions',
    `select ordinal, ${AGENT_SESSION_COLUMNS} from delivery.get_agent_sessions($1::text, $2::jsonb)`,
  ),
  writes: false,
  itemsMax: 2000,
  encode: (item) => item,
  decode: (row) => row && toAgentSession(row),
  isIdempotent: () => true,
}

export const CHANGE: Operation<Item, AgentSessionRow, AgentSession> = {
  name: 'delivery.change_agent_sessions',
  statement: statement(
    'delivery.change_agent_sessions',
    `select ordinal, ${AGENT_SESSION_COLUMNS} from delivery.change_agent_sessions($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 2000,
  encode: (item) => item.text,
  decode: toKnown,
  isIdempotent: (item) => item.idempotent,
}

const EXPIRE = statement<{ expired: number }>(
  'delivery.expire_agent_sessions',
  `select delivery.expire_agent_sessions(current_setting('pgfleet.tenant'), $1::float8 * interval '1 millisecond', $2::integer, $3::jsonb) as expired`,
)

export const AGENT_SESSION_STATEMENTS: readonly Statement<unknown>[] = [
  CREATE.statement,
  GET.statement,
  CHANGE.statement,
  RECORD.statement,
  LIST_INTERACTIONS,
  ...AGENT_SESSION_LISTS,
  STATISTICS,
  EXPIRE,
]

const expireOptions = z.strictObject({
  idleMs: z
    .number()
    .min(0)
    .max(36_500 * 86_400_000)
    .optional(),
  limit: z.int().min(1).max(10_000).default(1000),
  signal: z.instanceof(AbortSignal).optional(),
})

export function createAgentSessions(session: Session, identity: Identity): AgentSessions {
  const who = encodeIdentity(identity)
  const create = async (input: readonly NewAgentSession[], options?: CallOptions) =>
    await session.submit(
      CREATE,
      check('sessions', newAgentSessions, input).map((item, index) =>
        encodeNewAgentSession(item, index, item.id ?? uuidv7(), who),
      ),
      options,
    )
  const change = async (input: readonly AgentSessionChange[], options?: CallOptions) =>
    await session.submit(
      CHANGE,
      check('sessions', agentSessionChanges, input).map((item, index) => ({
        text: encodeAgentSessionChange(item, index, who),
        idempotent: false,
      })),
      options,
    )
  const lookups = (input: readonly string[]) =>
    check('ids', z.array(z.uuid()), input).map((id) => JSON.stringify({ id }))
  return {
    create: (async (input: NewAgentSession | readonly NewAgentSession[], options?: CallOptions) =>
      Array.isArray(input)
        ? await create(input, options)
        : (await create([input as NewAgentSession], options))[0]) as AgentSessions['create'],
    get: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await session.submit(GET, lookups(input), options)
        : (await session.submit(GET, lookups([input as string]), options))[0]) as AgentSessions['get'],
    update: (async (input: AgentSessionChange | readonly AgentSessionChange[], options?: CallOptions) =>
      Array.isArray(input)
        ? await change(input, options)
        : (await change([input as AgentSessionChange], options))[0]) as AgentSessions['update'],
    async transition(id, status, options) {
      check('status', z.enum(AGENT_SESSION_STATUSES), status)
      return (await change([{ id, status }], options))[0] as AgentSession
    },
    record: (async (input: NewInteraction | readonly NewInteraction[], options?: CallOptions) =>
      Array.isArray(input)
        ? await recordInteractions(session, identity, input, options)
        : (
            await recordInteractions(session, identity, [input as NewInteraction], options)
          )[0]) as AgentSessions['record'],
    interactions: (sessionId, options) => listInteractions(session, sessionId, options),
    list: (options) => listAgentSessions(session, options),
    statistics: (filter) => agentSessionStatistics(session, filter),
    async expire(options = {}) {
      const { idleMs, limit, signal } = check('options', expireOptions, options)
      const [row] = await session.query(EXPIRE, [idleMs ?? null, limit, JSON.stringify(who)], {
        idempotent: true,
        ...(signal && { signal }),
      })
      return row?.expired ?? 0
    },
  }
}
