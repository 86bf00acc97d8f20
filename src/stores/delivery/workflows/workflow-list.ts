import { z } from 'zod'
import { toJson } from '../../../content.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { check, members, text } from '../../../input.js'
import {
  toWorkflow,
  WORKFLOW_STATUSES,
  WORKFLOW_TYPES,
  type Workflow,
  type WorkflowChange,
  type WorkflowJson,
  type WorkflowStatus,
  type WorkflowType,
} from './workflow.js'

/** Which workflows to list. */
export interface WorkflowListOptions {
  readonly status?: WorkflowStatus
  readonly type?: WorkflowType
  readonly environment?: string
  readonly priority?: number
  readonly triggeredBy?: string
  readonly parentId?: string
  /** Continues behind the workflow of that id. */
  readonly after?: string
  /** 1 to 1,000. @default 100 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** What to look for; at least one of query, tags and metadata. */
export interface WorkflowSearch {
  /** Words of name and description, as in a search engine: "or", quotes, -not. 1 to 1,000 characters. */
  readonly query?: string
  /** All of them. */
  readonly tags?: readonly string[]
  /** What the metadata contains, at any depth from its top. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Continues behind the workflow of that id. */
  readonly after?: string
  /** 1 to 1,000. @default 100 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

interface Row {
  readonly workflow: WorkflowJson
}

// Tables are joined from the one that the first condition is about; the other conditions are checked on its rows.
const FILTERS = `($3::text is null or w.status = $3::text) and ($4::text is null or d.workflow_type = $4::text)
    and ($5::text is null or d.environment = $5::text) and ($6::integer is null or w.priority = $6::integer)
    and ($7::text is null or d.triggered_by = $7::text) and ($8::uuid is null or d.parent_workflow_id = $8::uuid)`
const WORKFLOW = `to_jsonb(w) || (to_jsonb(d) - '{search,created_with}'::text[])`
const FROM_WORKFLOWS = `select ${WORKFLOW} as workflow
  from delivery.workflows w
  join delivery.workflow_details d on d.tenant_id = w.tenant_id and d.workflow_id = w.workflow_id
  where w.tenant_id = current_setting('pgfleet.tenant') and ($1::uuid is null or w.workflow_id < $1::uuid) and ${FILTERS}`
const FROM_DETAILS = `select ${WORKFLOW} as workflow
  from delivery.workflow_details d
  join delivery.workflows w on w.tenant_id = d.tenant_id and w.workflow_id = d.workflow_id
  where d.tenant_id = current_setting('pgfleet.tenant') and ($1::uuid is null or d.workflow_id < $1::uuid) and ${FILTERS}`

const LIST = readStatement<Row>(
  'delivery.list_workflows',
  `${FROM_WORKFLOWS}
  order by w.workflow_id desc
  limit $2::integer`,
)
const LIST_IN_STATUS = readStatement<Row>(
  'delivery.list_workflows_in_status',
  `${FROM_WORKFLOWS} and w.status = $3::text
  order by w.workflow_id desc
  limit $2::integer`,
)
const LIST_OF_TYPE = readStatement<Row>(
  'delivery.list_workflows_of_type',
  `${FROM_DETAILS} and d.workflow_type = $4::text
  order by d.workflow_id desc
  limit $2::integer`,
)
const LIST_OF_ENVIRONMENT = readStatement<Row>(
  'delivery.list_workflows_of_environment',
  `${FROM_DETAILS} and d.environment = $5::text
  order by d.workflow_id desc
  limit $2::integer`,
)
const LIST_OF_PARENT = readStatement<Row>(
  'delivery.list_workflows_of_parent',
  `${FROM_DETAILS} and d.parent_workflow_id = $8::uuid
  order by d.workflow_id desc
  limit $2::integer`,
)
const SEARCH = readStatement<Row>(
  'delivery.search_workflows',
  `select ${WORKFLOW} as workflow
  from delivery.find_workflows($1::text, $2::text[], $3::jsonb, $4::uuid, $5::integer) f
  join delivery.workflows w on w.tenant_id = current_setting('pgfleet.tenant') and w.workflow_id = f.workflow_id
  join delivery.workflow_details d on d.tenant_id = w.tenant_id and d.workflow_id = w.workflow_id
  order by w.workflow_id desc`,
)
const HISTORY = readStatement<{
  version: number
  changed_at: Date
  from_status: WorkflowStatus
  to_status: WorkflowStatus
  reason: string | null
  actor_type: string | null
  actor_id: string | null
  correlation_id: string | null
}>(
  'delivery.workflow_history',
  `select version, changed_at, from_status, to_status, reason, actor_type, actor_id, correlation_id
  from delivery.workflow_history h
  where h.tenant_id = current_setting('pgfleet.tenant') and h.workflow_id = $1::uuid
  order by h.version`,
)

export const WORKFLOW_LIST_STATEMENTS: readonly Statement<unknown>[] = [
  LIST,
  LIST_IN_STATUS,
  LIST_OF_TYPE,
  LIST_OF_ENVIRONMENT,
  LIST_OF_PARENT,
  SEARCH,
  HISTORY,
]

const signal = z.instanceof(AbortSignal).optional()
const limit = z.int().min(1).max(1000).default(100)
const listOptions = z.strictObject({
  status: z.enum(WORKFLOW_STATUSES).optional(),
  type: z.enum(WORKFLOW_TYPES).optional(),
  environment: text(1, 50).optional(),
  priority: z.int().min(0).max(10).optional(),
  triggeredBy: text(1, 200).optional(),
  parentId: z.uuid().optional(),
  after: z.uuid().optional(),
  limit,
  signal,
})
const searchOptions = z.strictObject({
  query: text(1, 1000).optional(),
  tags: z.array(text(1, 100)).min(1).max(100).optional(),
  metadata: members.optional(),
  after: z.uuid().optional(),
  limit,
  signal,
})

export async function listWorkflows(session: Session, input: WorkflowListOptions): Promise<Workflow[]> {
  const options = check('options', listOptions, input)
  const { status, type, environment, priority, triggeredBy, parentId, after, limit, signal } = options
  const list =
    parentId !== undefined
      ? LIST_OF_PARENT
      : status !== undefined
        ? LIST_IN_STATUS
        : type !== undefined
          ? LIST_OF_TYPE
          : environment !== undefined
            ? LIST_OF_ENVIRONMENT
            : LIST
  const filters = [status, type, environment, priority, triggeredBy, parentId].map((value) => value ?? null)
  const how = { idempotent: true, ...(signal && { signal }) }
  return (await session.query(list, [after ?? null, limit, ...filters], how)).map((row) => toWorkflow(row.workflow))
}

export async function searchWorkflows(session: Session, input: WorkflowSearch): Promise<Workflow[]> {
  const { query, tags, metadata, after, limit, signal } = check('search', searchOptions, input)
  if (query === undefined && tags === undefined && metadata === undefined) {
    throw new FleetError('INPUT_INVALID', { message: 'search: give a query, tags or metadata', field: 'search' })
  }
  const contained = metadata === undefined ? null : toJson('search.metadata', metadata, 8192)
  const values = [query ?? null, tags ?? null, contained, after ?? null, limit]
  const rows = await session.query(SEARCH, values, { idempotent: true, ...(signal && { signal }) })
  return rows.map((row) => toWorkflow(row.workflow))
}

export async function workflowHistory(
  session: Session,
  id: string,
  options: { signal?: AbortSignal },
): Promise<WorkflowChange[]> {
  check('id', z.uuid(), id)
  const rows = await session.query(HISTORY, [id], { ...options, idempotent: true })
  return rows.map((row) => ({
    version: row.version,
    at: row.changed_at,
    from: row.from_status,
    to: row.to_status,
    reason: row.reason,
    actorType: row.actor_type,
    actorId: row.actor_id,
    correlationId: row.correlation_id,
  }))
}
