import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { STATE_LENGTH_MAX, toJson } from '../../content.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, members, text } from '../../input.js'

/** A run of one agent type. */
export interface LearningSession {
  readonly id: string
  readonly agentType: string
  readonly name: string | null
  readonly status: 'active' | 'completed' | 'failed' | 'cancelled'
  readonly environment: 'development' | 'staging' | 'production'
  /** Trajectories recorded in it. */
  readonly taskCount: number
  readonly totalReward: number
  readonly startedAt: Date
  readonly endedAt: Date | null
  readonly metadata: Record<string, unknown>
}

/** A session to start. */
export interface NewSession {
  readonly agentType: string
  readonly name?: string
  /** @default 'development' */
  readonly environment?: LearningSession['environment']
  readonly metadata?: Record<string, unknown>
}

/** Sessions of one tenant. */
export interface LearningSessions {
  /** Starts a session and returns its id. Errors: INPUT_INVALID, AGENT_TYPE_UNKNOWN. */
  start(session: NewSession): Promise<string>
  /** Ends it; an ended session stays as it is. Errors: SESSION_UNKNOWN, SESSION_ENDED. */
  end(id: string, status?: 'completed' | 'failed' | 'cancelled'): Promise<void>
  /** Undefined when there is none, or it has expired. */
  get(id: string): Promise<LearningSession | undefined>
  /** Newest first, `limit` at a time; `after` continues behind that session. @default limit 100 */
  list(options?: {
    agentType?: string
    status?: LearningSession['status']
    after?: string
    limit?: number
  }): Promise<LearningSession[]>
}

interface Row {
  readonly session_id: string
  readonly agent_type: string
  readonly session_name: string | null
  readonly status: LearningSession['status']
  readonly environment: LearningSession['environment']
  readonly task_count: number
  readonly total_reward: number
  readonly started_at: Date
  readonly ended_at: Date | null
  readonly metadata: Record<string, unknown>
}

const START = statement<{ known: boolean }>(
  'learning.start_session',
  `with started as (
    insert into learning.sessions (tenant_id, session_id, agent_type, session_name, environment, metadata, expires_at)
    select t.tenant_id, $1::uuid, t.agent_type, $3::text, $4::text, $5::jsonb,
      date_trunc('day', now(), 'UTC') + make_interval(days => t.retention_days + 1)
    from learning.agent_types t
    where t.tenant_id = current_setting('pgfleet.tenant') and t.agent_type = $2::text
    on conflict (tenant_id, session_id) do nothing
  )
  select exists (
    select from learning.agent_types t where t.tenant_id = current_setting('pgfleet.tenant') and t.agent_type = $2::text
  ) as known`,
)

const END = statement<{ ended: boolean | null }>(
  'learning.end_session',
  `with before as (
    select s.session_id, s.status from learning.sessions s
    where s.tenant_id = current_setting('pgfleet.tenant') and s.session_id = $1::uuid and s.expires_at > now()
    for update
  ),
  ended as (
    update learning.sessions s
    set status = $2::text, ended_at = now()
    from before b
    where s.tenant_id = current_setting('pgfleet.tenant') and s.session_id = b.session_id and b.status = 'active'
    returning s.session_id
  )
  select exists (select from ended) as ended from before`,
)

const GET = readStatement<Row>(
  'learning.get_session',
  `select s.session_id, s.agent_type, s.session_name, s.status, s.environment, s.task_count, s.total_reward, s.started_at, s.ended_at, s.metadata
  from learning.sessions s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.session_id = $1::uuid and s.expires_at > now()`,
)

const LIST = readStatement<Row>(
  'learning.list_sessions',
  `select s.session_id, s.agent_type, s.session_name, s.status, s.environment, s.task_count, s.total_reward, s.started_at, s.ended_at, s.metadata
  from learning.sessions s
  left join learning.sessions a on a.tenant_id = current_setting('pgfleet.tenant') and a.session_id = $3::uuid
  where s.tenant_id = current_setting('pgfleet.tenant') and s.expires_at > now()
    and ($1::text is null or s.agent_type = $1::text)
    and ($2::text is null or s.status = $2::text)
    and ($3::uuid is null or (s.started_at, s.session_id) < (a.started_at, a.session_id))
  order by s.started_at desc, s.session_id desc
  limit $4::integer`,
)

export const SESSION_STATEMENTS: readonly Statement<unknown>[] = [START, END, GET, LIST]

const newSession = z.strictObject({
  agentType: text(1, 50),
  name: text(0, 200).optional(),
  environment: z.enum(['development', 'staging', 'production']).default('development'),
  metadata: members.default({}),
})
const listOptions = z.strictObject({
  agentType: text(0, 200).optional(),
  status: z.enum(['active', 'completed', 'failed', 'cancelled']).optional(),
  after: z.uuid().optional(),
  limit: z.int().min(1).max(10_000).default(100),
})

export function createSessions(session: Session): LearningSessions {
  return {
    async start(input) {
      const { agentType, name, environment, metadata } = check('session', newSession, input)
      const id = uuidv7()
      const [row] = await session.query(
        START,
        [id, agentType, name ?? null, environment, toJson('session.metadata', metadata, STATE_LENGTH_MAX)],
        {
          idempotent: true,
        },
      )
      if (!row?.known)
        throw new FleetError('AGENT_TYPE_UNKNOWN', {
          message: `the tenant has no agent type '${agentType}'`,
          field: 'session.agentType',
        })
      return id
    },
    async end(input, status = 'completed') {
      const id = check('id', z.uuid(), input)
      const [row] = await session.query(END, [
        id,
        check('status', z.enum(['completed', 'failed', 'cancelled']), status),
      ])
      if (row === undefined)
        throw new FleetError('SESSION_UNKNOWN', { message: `there is no session ${id}`, field: 'id' })
      if (!row.ended) throw new FleetError('SESSION_ENDED', { message: `session ${id} has ended already`, field: 'id' })
    },
    async get(id) {
      const [row] = await session.query(GET, [check('id', z.uuid(), id)], { idempotent: true })
      return row && toSession(row)
    },
    async list(options = {}) {
      const { agentType, status, after, limit } = check('options', listOptions, options)
      return (
        await session.query(LIST, [agentType ?? null, status ?? null, after ?? null, limit], { idempotent: true })
      ).map(toSession)
    },
  }
}

function toSession(row: Row): LearningSession {
  return {
    id: row.session_id,
    agentType: row.agent_type,
    name: row.session_name,
    status: row.status,
    environment: row.environment,
    taskCount: row.task_count,
    totalReward: row.total_reward,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    metadata: row.metadata,
  }
}
