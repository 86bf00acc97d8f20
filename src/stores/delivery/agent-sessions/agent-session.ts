import { z } from 'zod'
import { toContent, toJson } from '../../../content.js'
import { members, text } from '../../../input.js'
import { count, toUsDollars, type UsDollars, usDollars } from './amounts.js'

export const AGENT_SESSION_TYPES = [
  'ai_assistant',
  'code_generator',
  'reviewer',
  'tester',
  'deployer',
  'monitor',
] as const
/** What kind of agent it is. */
export type AgentSessionType = (typeof AGENT_SESSION_TYPES)[number]

export const AGENT_SESSION_STATUSES = [
  'active',
  'idle',
  'busy',
  'paused',
  'completed',
  'failed',
  'expired',
  'terminated',
] as const
/** `active`, `idle`, `busy` and `paused` are live; the others have ended for good. */
export type AgentSessionStatus = (typeof AGENT_SESSION_STATUSES)[number]

/** What a session may use; without a member there is no limit. */
export interface Budgets {
  readonly tokens?: number
  readonly costUsd?: UsDollars
  /** Interactions. */
  readonly requests?: number
}

/** What an agent does from its start to its end. */
export interface AgentSession {
  readonly id: string
  readonly agentName: string
  readonly agentType: AgentSessionType
  readonly agentVersion: string | null
  /** `expired` also when it is past `expiresAt`, whatever it was before. */
  readonly status: AgentSessionStatus
  /** Grows by one with every change but that of the counters. */
  readonly version: number
  readonly parentId: string | null
  readonly workflowId: string | null
  readonly task: string | null
  readonly data: Record<string, unknown>
  /** Its own, over what the parent's was when it was created. */
  readonly context: Record<string, unknown>
  readonly metadata: Record<string, unknown>
  /** Null where there is no limit. */
  readonly budgets: {
    readonly tokens: number | null
    readonly costUsd: string | null
    readonly requests: number | null
  }
  /** Interactions: all of them, and those that succeeded or not. */
  readonly requests: { readonly total: number; readonly successful: number; readonly failed: number }
  readonly tokensUsed: number
  /** Exact, as decimal text. */
  readonly costUsd: string
  /** Milliseconds; null before the first interaction. Percentiles: `statistics()`. */
  readonly responseTimeMs: { readonly mean: number | null; readonly min: number | null; readonly max: number | null }
  readonly startedAt: Date
  readonly lastActivityAt: Date
  readonly expiresAt: Date
  readonly endedAt: Date | null
}

/** An agent session to create. */
export interface NewAgentSession {
  /** A UUIDv7; creating with the same id again finds the session that is there. @default a new one */
  readonly id?: string
  /** 1 to 100 characters. */
  readonly agentName: string
  readonly agentType: AgentSessionType
  /** 1 to 100 characters. */
  readonly agentVersion?: string
  /** A live session, whose context it inherits. */
  readonly parentId?: string
  readonly workflowId?: string
  /** 1 to 200 characters. */
  readonly task?: string
  /** JSON objects of at most 262,144 characters each. @default {} */
  readonly data?: Record<string, unknown>
  readonly context?: Record<string, unknown>
  readonly metadata?: Record<string, unknown>
  readonly budgets?: Budgets
  /** @default in 24 hours */
  readonly expiresAt?: Date
}

/** A change of an agent session. */
export interface AgentSessionChange {
  readonly id: string
  readonly status?: AgentSessionStatus
  /** Refuses the change with VERSION_CONFLICT when the session is at another version. */
  readonly expectedVersion?: number
  /** Their members replace those of the same name. */
  readonly data?: Record<string, unknown>
  readonly context?: Record<string, unknown>
  readonly metadata?: Record<string, unknown>
  /** Those given replace the old; none may be below what is used. */
  readonly budgets?: Budgets
  readonly expiresAt?: Date
}

export interface AgentSessionRow {
  readonly session_id: string
  readonly agent_name: string
  readonly agent_type: AgentSessionType
  readonly agent_version: string | null
  readonly status: AgentSessionStatus
  readonly version: number
  readonly parent_id: string | null
  readonly workflow_id: string | null
  readonly task: string | null
  readonly data: Record<string, unknown>
  readonly context: Record<string, unknown>
  readonly metadata: Record<string, unknown>
  readonly token_budget: number | null
  readonly cost_budget: string | null
  readonly request_budget: number | null
  readonly request_count: number
  readonly success_count: number
  readonly tokens_used: number
  readonly cost_usd: string
  readonly duration_us_sum: string
  readonly duration_us_min: number | null
  readonly duration_us_max: number | null
  readonly started_at: Date
  readonly last_activity_at: Date
  readonly live_until: Date
  readonly ended_at: Date | null
}

export const AGENT_SESSION_COLUMNS = `session_id, agent_name, agent_type, agent_version, status, version, parent_id, workflow_id, task, data, context,
  metadata, token_budget, cost_budget::text as cost_budget, request_budget, request_count, success_count, tokens_used, cost_usd::text as cost_usd,
  duration_us_sum::text as duration_us_sum, duration_us_min, duration_us_max, started_at, last_activity_at, live_until, ended_at`

/** Most characters of a session's data, context or metadata, as canonical JSON. */
export const AGENT_SESSION_OBJECT_LENGTH_MAX = 262_144

const budgets = z
  .strictObject({ tokens: count.optional(), costUsd: usDollars.optional(), requests: count.optional() })
  .optional()
const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z')).optional()

export const newAgentSessions = z.array(
  z.strictObject({
    id: z.uuidv7().optional(),
    agentName: text(1, 100),
    agentType: z.enum(AGENT_SESSION_TYPES),
    agentVersion: text(1, 100).optional(),
    parentId: z.uuid().optional(),
    workflowId: z.uuid().optional(),
    task: text(1, 200).optional(),
    data: members.default({}),
    context: members.default({}),
    metadata: members.default({}),
    budgets,
    expiresAt: moment,
  }),
)

export const agentSessionChanges = z.array(
  z.strictObject({
    id: z.uuid(),
    status: z.enum(AGENT_SESSION_STATUSES).optional(),
    expectedVersion: z.int().min(1).optional(),
    data: members.optional(),
    context: members.optional(),
    metadata: members.optional(),
    budgets,
    expiresAt: moment,
  }),
)

/** The members of a statement's item that a new session and a change have in common. */
function encodeLimits(item: {
  budgets?: z.output<typeof budgets> | undefined
  expiresAt?: Date | undefined
}): Record<string, unknown> {
  return {
    token_budget: item.budgets?.tokens,
    cost_budget: item.budgets?.costUsd,
    request_budget: item.budgets?.requests,
    live_until: item.expiresAt,
  }
}

export function encodeNewAgentSession(
  item: z.output<typeof newAgentSessions>[number],
  index: number,
  id: string,
  identity: object,
): string {
  const json = (member: 'data' | 'context' | 'metadata') =>
    toJson(`sessions[${index}].${member}`, item[member], AGENT_SESSION_OBJECT_LENGTH_MAX)
  const objects = `"data":${json('data')},"context":${json('context')},"metadata":${json('metadata')}`
  const rest = JSON.stringify({
    agent_name: item.agentName,
    agent_type: item.agentType,
    agent_version: item.agentVersion,
    parent_id: item.parentId,
    workflow_id: item.workflowId,
    task: item.task,
    ...encodeLimits(item),
  })
  // A repeat is told by all that was given.
  const { hash } = toContent(`sessions[${index}]`, [rest, objects], Number.POSITIVE_INFINITY)
  return `${JSON.stringify({ id, content_hash: hash, ...identity }).slice(0, -1)},${rest.slice(1, -1)},${objects}}`
}

export function encodeAgentSessionChange(
  item: z.output<typeof agentSessionChanges>[number],
  index: number,
  identity: object,
): string {
  const json = (member: 'data' | 'context' | 'metadata') => {
    const value = item[member]
    if (value === undefined) return ''
    return `,"${member}":${toJson(`sessions[${index}].${member}`, value, AGENT_SESSION_OBJECT_LENGTH_MAX)}`
  }
  const rest = JSON.stringify({
    id: item.id,
    status: item.status,
    expected_version: item.expectedVersion,
    ...encodeLimits(item),
    ...identity,
  })
  return `${rest.slice(0, -1)}${json('data')}${json('context')}${json('metadata')}}`
}

const milliseconds = (microseconds: number | null) => (microseconds === null ? null : microseconds / 1000)

export function toAgentSession(row: AgentSessionRow): AgentSession {
  return {
    id: row.session_id,
    agentName: row.agent_name,
    agentType: row.agent_type,
    agentVersion: row.agent_version,
    status: row.ended_at === null && row.live_until.getTime() <= Date.now() ? 'expired' : row.status,
    version: row.version,
    parentId: row.parent_id,
    workflowId: row.workflow_id,
    task: row.task,
    data: row.data,
    context: row.context,
    metadata: row.metadata,
    budgets: {
      tokens: row.token_budget,
      costUsd: row.cost_budget === null ? null : toUsDollars(row.cost_budget),
      requests: row.request_budget,
    },
    requests: {
      total: row.request_count,
      successful: row.success_count,
      failed: row.request_count - row.success_count,
    },
    tokensUsed: row.tokens_used,
    costUsd: toUsDollars(row.cost_usd),
    responseTimeMs: {
      mean: row.request_count === 0 ? null : Number(row.duration_us_sum) / row.request_count / 1000,
      min: milliseconds(row.duration_us_min),
      max: milliseconds(row.duration_us_max),
    },
    startedAt: row.started_at,
    lastActivityAt: row.last_activity_at,
    expiresAt: row.live_until,
    endedAt: row.ended_at,
  }
}
