import type { Json } from '../../../content.js'

/** What a workflow is about. */
export const WORKFLOW_TYPES = ['ci_cd', 'deployment', 'testing', 'code_review', 'hotfix', 'rollback'] as const
export type WorkflowType = (typeof WORKFLOW_TYPES)[number]

export const WORKFLOW_STATUSES = [
  'pending',
  'running',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'timeout',
] as const
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number]

/** A pending task waits: for others, for a worker, or for its next attempt. */
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled'

/** How a workflow stands after a call. */
export interface WorkflowStanding {
  readonly id: string
  readonly status: WorkflowStatus
  /** Grows by one with every change of status. */
  readonly version: number
  readonly startedAt: Date | null
  /** When it was completed, failed, was cancelled or timed out. */
  readonly endedAt: Date | null
  /** When it times out, if it has not ended. */
  readonly deadlineAt: Date | null
}

/** A workflow. */
export interface Workflow extends WorkflowStanding {
  readonly name: string
  readonly description: string | null
  readonly type: WorkflowType
  readonly environment: string
  /** 0 to 10: jobs of a higher one are claimed first. */
  readonly priority: number
  readonly triggeredBy: string | null
  readonly parentId: string | null
  readonly estimateMs: number | null
  readonly timeoutMs: number | null
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly configuration: Readonly<Record<string, unknown>>
  /** Its tasks, by how they stand; open ones have not ended. */
  readonly counts: {
    readonly total: number
    readonly open: number
    readonly completed: number
    readonly failed: number
    readonly skipped: number
    readonly cancelled: number
  }
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A task of a workflow. */
export interface Task {
  /** Its place in the definition, from 1. */
  readonly number: number
  readonly name: string
  readonly type: string
  readonly status: TaskStatus
  readonly dependsOn: readonly string[]
  readonly optional: boolean
  readonly critical: boolean
  readonly maxRetries: number
  readonly retryDelayMs: number
  readonly delayMs: number
  readonly timeoutMs: number | null
  readonly payload: Json
  /** Attempts so far. */
  readonly attempt: number
  /** Who runs it, or ran it last. */
  readonly worker: string | null
  readonly result: Json | null
  readonly error: string | null
  /** When its last attempt began. */
  readonly startedAt: Date | null
  readonly endedAt: Date | null
  /** When a worker may claim it: of a running task when its lease runs out; null when it is no job. */
  readonly availableAt: Date | null
}

/** A workflow with its tasks. */
export interface WorkflowWithTasks extends Workflow {
  readonly tasks: readonly Task[]
}

/** A change of a workflow's status. */
export interface WorkflowChange {
  /** The version that it led to. */
  readonly version: number
  readonly at: Date
  readonly from: WorkflowStatus
  readonly to: WorkflowStatus
  readonly reason: string | null
  readonly actorType: string | null
  readonly actorId: string | null
  readonly correlationId: string | null
}

/** A row as JSON: times are text. */
export interface WorkflowJson {
  readonly workflow_id: string
  readonly status: WorkflowStatus
  readonly version: number
  readonly priority: number
  readonly task_count: number
  readonly open_tasks: number
  readonly completed_tasks: number
  readonly failed_tasks: number
  readonly skipped_tasks: number
  readonly cancelled_tasks: number
  readonly timeout_ms: number | null
  readonly deadline_at: string | null
  readonly created_at: string
  readonly started_at: string | null
  readonly ended_at: string | null
  readonly updated_at: string
  readonly name: string
  readonly description: string | null
  readonly workflow_type: WorkflowType
  readonly environment: string
  readonly triggered_by: string | null
  readonly parent_workflow_id: string | null
  readonly estimate_ms: number | null
  readonly tags: string[]
  readonly metadata: Record<string, unknown>
  readonly configuration: Record<string, unknown>
}

export interface TaskJson {
  readonly number: number
  readonly name: string
  readonly type: string
  readonly status: TaskStatus
  readonly dependencies: number[]
  readonly optional: boolean
  readonly critical: boolean
  readonly max_retries: number
  readonly retry_delay_ms: number
  readonly delay_ms: number
  readonly timeout_ms: number | null
  readonly payload: Json
  readonly attempt: number
  readonly worker: string | null
  readonly result: Json | null
  readonly error: string | null
  readonly started_at: string | null
  readonly ended_at: string | null
  readonly available_at: string | null
}

const toDate = (text: string | null) => (text === null ? null : new Date(text))

export function toWorkflow(row: WorkflowJson): Workflow {
  return {
    id: row.workflow_id,
    status: row.status,
    version: row.version,
    startedAt: toDate(row.started_at),
    endedAt: toDate(row.ended_at),
    deadlineAt: toDate(row.deadline_at),
    name: row.name,
    description: row.description,
    type: row.workflow_type,
    environment: row.environment,
    priority: row.priority,
    triggeredBy: row.triggered_by,
    parentId: row.parent_workflow_id,
    estimateMs: row.estimate_ms,
    timeoutMs: row.timeout_ms,
    tags: row.tags,
    metadata: row.metadata,
    configuration: row.configuration,
    counts: {
      total: row.task_count,
      open: row.open_tasks,
      completed: row.completed_tasks,
      failed: row.failed_tasks,
      skipped: row.skipped_tasks,
      cancelled: row.cancelled_tasks,
    },
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  }
}

export function toTask(row: TaskJson, names: ReadonlyMap<number, string>): Task {
  return {
    number: row.number,
    name: row.name,
    type: row.type,
    status: row.status,
    dependsOn: row.dependencies.map((number) => names.get(number) ?? String(number)),
    optional: row.optional,
    critical: row.critical,
    maxRetries: row.max_retries,
    retryDelayMs: row.retry_delay_ms,
    delayMs: row.delay_ms,
    timeoutMs: row.timeout_ms,
    payload: row.payload,
    attempt: row.attempt,
    worker: row.worker,
    result: row.result,
    error: row.error,
    startedAt: toDate(row.started_at),
    endedAt: toDate(row.ended_at),
    availableAt: toDate(row.available_at),
  }
}
