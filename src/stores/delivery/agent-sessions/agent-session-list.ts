import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import {
  AGENT_SESSION_COLUMNS,
  AGENT_SESSION_STATUSES,
  type AgentSession,
  type AgentSessionRow,
  type AgentSessionStatus,
  toAgentSession,
} from './agent-session.js'

/** Which sessions are listed; a session matches all that is given. */
export interface AgentSessionListOptions {
  readonly status?: AgentSessionStatus
  readonly agentName?: string
  readonly workflowId?: string
  readonly parentId?: string
  /** Continues behind the session of that id. */
  readonly after?: string
  /** 1 to 1000. @default 100 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

// Every filter but the first is a look at the rows that the index of the first gives, in the order of the key.
const page = (name: string, first: string) =>
  readStatement<AgentSessionRow>(
    `delivery.list_agent_sessions${name}`,
    `select ${AGENT_SESSION_COLUMNS} from delivery.agent_sessions s
  where s.tenant_id = current_setting('pgfleet.tenant') and ($1::uuid is null or s.session_id < $1::uuid) and ${first}
    and ($3::text is null or case when s.ended_at is null and s.live_until <= now() then 'expired' else s.status end = $3::text)
    and ($4::text is null or s.agent_name = $4::text)
    and ($5::uuid is null or s.workflow_id = $5::uuid)
    and ($6::uuid is null or s.parent_id = $6::uuid)
  order by s.session_id desc
  limit $2::integer`,
  )

const LIST = page('', 'true')
const LIST_BY_STATUS = page('_by_status', 's.status = $3::text')
const LIST_BY_AGENT = page('_by_agent', 's.agent_name = $4::text')
const LIST_BY_WORKFLOW = page('_by_workflow', 's.workflow_id = $5::uuid')
const LIST_BY_PARENT = page('_by_parent', 's.parent_id = $6::uuid')

export const AGENT_SESSION_LISTS: readonly Statement<unknown>[] = [
  LIST,
  LIST_BY_STATUS,
  LIST_BY_AGENT,
  LIST_BY_WORKFLOW,
  LIST_BY_PARENT,
]

const listOptions = z.strictObject({
  status: z.enum(AGENT_SESSION_STATUSES).optional(),
  agentName: text(1, 100).optional(),
  workflowId: z.uuid().optional(),
  parentId: z.uuid().optional(),
  after: z.uuid().optional(),
  limit: z.int().min(1).max(1000).default(100),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Sessions, newest first. Errors: INPUT_INVALID. */
export async function listAgentSessions(
  session: Session,
  input: AgentSessionListOptions = {},
): Promise<AgentSession[]> {
  const { status, agentName, workflowId, parentId, after, limit, signal } = check('options', listOptions, input)
  let list = LIST
  if (parentId !== undefined) list = LIST_BY_PARENT
  else if (workflowId !== undefined) list = LIST_BY_WORKFLOW
  else if (agentName !== undefined) list = LIST_BY_AGENT
  // Those that expired by time alone still have another status in their row.
  else if (status !== undefined && status !== 'expired') list = LIST_BY_STATUS
  const values = [after, limit, status, agentName, workflowId, parentId].map((value) => value ?? null)
  return (await session.query(list, values, { idempotent: true, ...(signal && { signal }) })).map(toAgentSession)
}
