import { z } from 'zod'
import { STATE_LENGTH_MAX, toContent, toJson } from '../../content.js'
import type { Session } from '../../database/session.js'
import { changingStatement, readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError, isFleetError } from '../../errors.js'
import { check, members, text } from '../../input.js'

/** A kind of agent, and the rates by which its agents learn. */
export interface AgentType {
  /** 1 to 50 characters. */
  readonly agentType: string
  readonly displayName: string
  /** The group whose knowledge is tried when the type itself does not know a state. */
  readonly category: string
  readonly description: string
  readonly stateDimensions: number
  readonly actionDimensions: number
  /** [1e-9, 1]. @default 0.1 */
  readonly learningRate: number
  /** 0, or [1e-9, 1]. @default 0.95 */
  readonly discountFactor: number
  /** [0, 1]. @default 0.2 */
  readonly explorationRate: number
  /** At most explorationRate. @default 0.01 */
  readonly minExplorationRate: number
  /** Factor of the exploration rate each episode, (0, 1]. @default 0.995 */
  readonly explorationDecay: number
  /** Days after its last update that a value, pattern, session or agent state expires. @default 30 */
  readonly retentionDays: number
  readonly isActive: boolean
  readonly metadata: Record<string, unknown>
}

/** An agent type to add, or what to change of one: fields that are left out keep their value, or get the default. */
export type AgentTypeChange = Pick<AgentType, 'agentType'> & Partial<AgentType>

/** The agent types of one tenant. */
export interface AgentTypes {
  /** By name. */
  list(): Promise<AgentType[]>
  /** Adds the type, or changes the fields given. Errors: INPUT_INVALID. */
  upsert(change: AgentTypeChange): Promise<AgentType>
  /**
   * Removes the type with its values, sessions, patterns, states and snapshots. False when there was none. Trajectories
   * and rewards retire with their partitions.
   */
  remove(agentType: string): Promise<boolean>
}

interface Row {
  readonly agent_type: string
  readonly display_name: string
  readonly category: string
  readonly description: string
  readonly state_dimensions: number
  readonly action_dimensions: number
  readonly learning_rate: number
  readonly discount_factor: number
  readonly exploration_rate: number
  readonly min_exploration_rate: number
  readonly exploration_decay: number
  readonly retention_days: number
  readonly is_active: boolean
  readonly metadata: Record<string, unknown>
}

const COLUMNS = `agent_type, display_name, category, description, state_dimensions, action_dimensions, learning_rate, discount_factor,
    exploration_rate, min_exploration_rate, exploration_decay, retention_days, is_active, metadata`

const LIST = readStatement<Row>(
  'learning.list_agent_types',
  `select ${COLUMNS} from learning.agent_types where tenant_id = current_setting('pgfleet.tenant') order by agent_type`,
)

const UPSERT = statement<Row>(
  'learning.upsert_agent_type',
  `insert into learning.agent_types as t (tenant_id, agent_type, display_name, category, description, state_dimensions, action_dimensions,
    learning_rate, discount_factor, exploration_rate, min_exploration_rate, exploration_decay, retention_days, is_active, metadata)
  select current_setting('pgfleet.tenant'), $1::text, coalesce(x.display_name, $1::text), coalesce(x.category, 'other'), coalesce(x.description, ''),
    coalesce(x.state_dimensions, 10), coalesce(x.action_dimensions, 5), coalesce(x.learning_rate, 0.1), coalesce(x.discount_factor, 0.95),
    coalesce(x.exploration_rate, 0.2), coalesce(x.min_exploration_rate, least(0.01, coalesce(x.exploration_rate, 0.2))),
    coalesce(x.exploration_decay, 0.995), coalesce(x.retention_days, 30), coalesce(x.is_active, true), coalesce(x.metadata, '{}'::jsonb)
  from jsonb_to_record($2::jsonb) as x(display_name text, category text, description text, state_dimensions integer, action_dimensions integer,
    learning_rate double precision, discount_factor double precision, exploration_rate double precision, min_exploration_rate double precision,
    exploration_decay double precision, retention_days integer, is_active boolean, metadata jsonb)
  on conflict (tenant_id, agent_type) do update
  set display_name = case when $2::jsonb ? 'display_name' then excluded.display_name else t.display_name end,
    category = case when $2::jsonb ? 'category' then excluded.category else t.category end,
    description = case when $2::jsonb ? 'description' then excluded.description else t.description end,
    state_dimensions = case when $2::jsonb ? 'state_dimensions' then excluded.state_dimensions else t.state_dimensions end,
    action_dimensions = case when $2::jsonb ? 'action_dimensions' then excluded.action_dimensions else t.action_dimensions end,
    learning_rate = case when $2::jsonb ? 'learning_rate' then excluded.learning_rate else t.learning_rate end,
    discount_factor = case when $2::jsonb ? 'discount_factor' then excluded.discount_factor else t.discount_factor end,
    exploration_rate = case when $2::jsonb ? 'exploration_rate' then excluded.exploration_rate else t.exploration_rate end,
    min_exploration_rate = case when $2::jsonb ? 'min_exploration_rate' then excluded.min_exploration_rate else t.min_exploration_rate end,
    exploration_decay = case when $2::jsonb ? 'exploration_decay' then excluded.exploration_decay else t.exploration_decay end,
    retention_days = case when $2::jsonb ? 'retention_days' then excluded.retention_days else t.retention_days end,
    is_active = case when $2::jsonb ? 'is_active' then excluded.is_active else t.is_active end,
    metadata = case when $2::jsonb ? 'metadata' then excluded.metadata else t.metadata end,
    updated_at = excluded.updated_at
  returning ${COLUMNS}`,
)

const REMOVE = changingStatement<{ agent_type: string }>(
  'learning.remove_agent_type',
  `with valued as (
    delete from learning.q_values where tenant_id = current_setting('pgfleet.tenant') and agent_type = $1::text
  )
  delete from learning.agent_types where tenant_id = current_setting('pgfleet.tenant') and agent_type = $1::text returning agent_type`,
)

export const AGENT_TYPE_STATEMENTS: readonly Statement<unknown>[] = [LIST, UPSERT, REMOVE]

const rate = z.union([z.literal(0), z.number().min(1e-9).max(1)])
const name = text(1, 50)
const change = z.strictObject({
  agentType: name,
  displayName: text(0, 200).optional(),
  category: text(1, 100).optional(),
  description: text(0, 10_000).optional(),
  stateDimensions: z.int().min(1).max(1_000_000).optional(),
  actionDimensions: z.int().min(1).max(1_000_000).optional(),
  learningRate: z.number().min(1e-9).max(1).optional(),
  discountFactor: rate.optional(),
  explorationRate: rate.optional(),
  minExplorationRate: rate.optional(),
  explorationDecay: z.number().min(1e-9).max(1).optional(),
  retentionDays: z.int().min(1).max(36_500).optional(),
  isActive: z.boolean().optional(),
  metadata: members.optional(),
})

export function createAgentTypes(session: Session): AgentTypes {
  return {
    async list() {
      return (await session.query(LIST, [], { idempotent: true })).map(toAgentType)
    },
    async upsert(input) {
      const { agentType, ...fields } = check('agentType', change, input)
      if (fields.metadata !== undefined) toContent('agentType.metadata', fields.metadata, STATE_LENGTH_MAX)
      const columns = Object.fromEntries(
        Object.entries(fields)
          .filter(([, value]) => value !== undefined)
          .map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
      )
      try {
        const values = [agentType, toJson('agentType', columns, STATE_LENGTH_MAX)]
        const [row] = await session.query(UPSERT, values, { idempotent: true })
        return toAgentType(row as Row)
      } catch (error) {
        if (!(isFleetError(error, 'INPUT_INVALID') && error.field === 'agent_types_min_exploration_rate_range'))
          throw error
        const field = 'agentType.minExplorationRate'
        throw new FleetError('INPUT_INVALID', {
          message: `${field} is above the exploration rate`,
          field,
          cause: error,
        })
      }
    },
    async remove(agentType) {
      return (await session.query(REMOVE, [check('agentType', name, agentType)], { idempotent: true })).length > 0
    },
  }
}

function toAgentType(row: Row): AgentType {
  return {
    agentType: row.agent_type,
    displayName: row.display_name,
    category: row.category,
    description: row.description,
    stateDimensions: row.state_dimensions,
    actionDimensions: row.action_dimensions,
    learningRate: row.learning_rate,
    discountFactor: row.discount_factor,
    explorationRate: row.exploration_rate,
    minExplorationRate: row.min_exploration_rate,
    explorationDecay: row.exploration_decay,
    retentionDays: row.retention_days,
    isActive: row.is_active,
    metadata: row.metadata,
  }
}
