import { z } from 'zod'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { check, text } from '../../input.js'

export type AgentStatus = 'idle' | 'active' | 'learning' | 'paused' | 'error'

/** What an agent has done since it reported last; everything adds up, in the database. */
export interface AgentReport {
  readonly agentType: string
  /** Names the running agent within its type, 1 to 100 characters. */
  readonly instanceId: string
  /** @default unchanged, `idle` for a new agent */
  readonly status?: AgentStatus
  /** Tasks that succeeded, and failed. @default 0 */
  readonly succeeded?: number
  readonly failed?: number
  /** @default 0 */
  readonly reward?: number
  /** @default 0 */
  readonly patternsLearned?: number
  /** Episodes ended; each multiplies the exploration rate by the type's decay, down to its minimum. @default 0 */
  readonly episodes?: number
}

/** A running agent as it is known. */
export interface AgentState {
  readonly agentType: string
  readonly instanceId: string
  readonly status: AgentStatus
  readonly totalTasks: number
  readonly successfulTasks: number
  readonly failedTasks: number
  readonly totalReward: number
  readonly averageReward: number
  readonly successRate: number
  readonly explorationRate: number
  readonly learningRate: number
  readonly patternsLearned: number
}

/** The running agents of one tenant. */
export interface AgentStates {
  /** Adds what an agent did; its state after it. Errors: INPUT_INVALID, AGENT_TYPE_UNKNOWN. */
  report(report: AgentReport, options?: CallOptions): Promise<AgentState>
  report(reports: readonly AgentReport[], options?: CallOptions): Promise<AgentState[]>
  /** By type and instance, `limit` at a time; `after` continues behind that agent. @default limit 1000 */
  list(options?: {
    agentType?: string
    after?: { agentType: string; instanceId: string }
    limit?: number
  }): Promise<AgentState[]>
}

interface Row {
  readonly status: AgentStatus
  readonly total_tasks: number
  readonly successful_tasks: number
  readonly failed_tasks: number
  readonly total_reward: number
  readonly average_reward: number
  readonly success_rate: number
  readonly exploration_rate: number
  readonly learning_rate: number
  readonly patterns_learned: number
}

const tasks = z.int().min(0).max(1_000_000_000)
const reports = z.array(
  z.strictObject({
    agentType: text(1, 50),
    instanceId: text(1, 100),
    status: z.enum(['idle', 'active', 'learning', 'paused', 'error']).optional(),
    succeeded: tasks.optional(),
    failed: tasks.optional(),
    reward: z.number().min(-1e100).max(1e100).optional(),
    patternsLearned: tasks.optional(),
    episodes: z.int().min(0).max(1_000_000).optional(),
  }),
)
type Report = z.output<typeof reports>[number]

export const REPORT_AGENTS: Operation<Report, Row, AgentState> = {
  name: 'learning.reportAgents',
  statement: statement(
    'learning.report_agents',
    `select ordinal, status, total_tasks, successful_tasks, failed_tasks, total_reward, average_reward, success_rate, exploration_rate,
      learning_rate, patterns_learned
    from learning.report_agents($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) =>
    JSON.stringify({
      agent_type: item.agentType,
      agent_instance_id: item.instanceId,
      status: item.status,
      succeeded: item.succeeded,
      failed: item.failed,
      reward: item.reward,
      patterns_learned: item.patternsLearned,
      episodes: item.episodes,
    }),
  decode: (row, item) =>
    toAgentState({ agent_type: item.agentType, agent_instance_id: item.instanceId, ...(row as Row) }),
  isIdempotent: () => false,
}

const LIST = readStatement<Row & { agent_type: string; agent_instance_id: string }>(
  'learning.list_agent_states',
  `select a.agent_type, a.agent_instance_id, a.status, a.total_tasks, a.successful_tasks, a.failed_tasks, a.total_reward, a.average_reward,
    a.success_rate, a.exploration_rate, a.learning_rate, a.patterns_learned
  from learning.agent_states a
  where a.tenant_id = current_setting('pgfleet.tenant') and a.expires_at > now()
    and ($1::text is null or a.agent_type = $1::text)
    and (a.agent_type, a.agent_instance_id) > ($2::text, $3::text)
  order by a.agent_type, a.agent_instance_id
  limit $4::integer`,
)

export const AGENT_STATE_STATEMENTS: readonly Statement<unknown>[] = [LIST]

const listOptions = z.strictObject({
  agentType: text(0, 200).optional(),
  after: z
    .strictObject({ agentType: text(0, 50), instanceId: text(0, 100) })
    .default({ agentType: '', instanceId: '' }),
  limit: z.int().min(1).max(10_000).default(1000),
})

export function createAgentStates(session: Session): AgentStates {
  return {
    report: (async (input: AgentReport | readonly AgentReport[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const states = await session.submit(REPORT_AGENTS, check('reports', reports, many ? input : [input]), options)
      return many ? states : states[0]
    }) as AgentStates['report'],
    async list(options = {}) {
      const { agentType, after, limit } = check('options', listOptions, options)
      const rows = await session.query(LIST, [agentType ?? null, after.agentType, after.instanceId, limit], {
        idempotent: true,
      })
      return rows.map(toAgentState)
    },
  }
}

function toAgentState(row: Row & { agent_type: string; agent_instance_id: string }): AgentState {
  return {
    agentType: row.agent_type,
    instanceId: row.agent_instance_id,
    status: row.status,
    totalTasks: row.total_tasks,
    successfulTasks: row.successful_tasks,
    failedTasks: row.failed_tasks,
    totalReward: row.total_reward,
    averageReward: row.average_reward,
    successRate: row.success_rate,
    explorationRate: row.exploration_rate,
    learningRate: row.learning_rate,
    patternsLearned: row.patterns_learned,
  }
}
