import { z } from 'zod'
import { type Json, toJson } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, text } from '../../input.js'
import { expectedVersion, versionConflict } from './version.js'

/** Where each status may lead. */
export const WORKFLOW_TRANSITIONS = Object.freeze({
  pending: Object.freeze(['running', 'cancelled'] as const),
  running: Object.freeze(['completed', 'failed', 'cancelled'] as const),
  completed: Object.freeze([] as const),
  failed: Object.freeze([] as const),
  cancelled: Object.freeze([] as const),
})

export type WorkflowStatus = keyof typeof WORKFLOW_TRANSITIONS

/** How a workflow's state is saved. */
export interface WorkflowSaveOptions {
  /** 1 to 200 characters. @default unchanged; of a new workflow, none */
  readonly name?: string
  /** From 0. @default unchanged; of a new workflow, 0 */
  readonly currentStep?: number
  /** Save only when the state is at this version; 0: only when there is none. Else VERSION_CONFLICT. */
  readonly expectedVersion?: number
}

/** What a workflow's status is after a transition. */
export interface WorkflowProgress {
  readonly status: WorkflowStatus
  /** Saves and transitions so far. A deleted workflow starts anew at 1. */
  readonly version: number
  /** When it went to running. */
  readonly startedAt: Date | null
  /** When it was completed, failed or cancelled. */
  readonly completedAt: Date | null
}

/** A workflow without its state. */
export interface WorkflowInfo extends WorkflowProgress {
  readonly workflowId: string
  readonly name: string | null
  readonly currentStep: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A workflow. */
export interface WorkflowState extends WorkflowInfo {
  readonly state: Json
}

/** The states of a tenant's workflows. */
export interface WorkflowStates {
  /**
   * Saves a state (at most 1048576 characters of JSON); a new workflow is pending, others keep their status. Its version
   * after it. Errors: INPUT_INVALID, VERSION_CONFLICT.
   */
  save(workflowId: string, state: Json, options?: WorkflowSaveOptions & CallOptions): Promise<number>
  /** Undefined when there is none. */
  load(workflowId: string, options?: CallOptions): Promise<WorkflowState | undefined>
  /**
   * Moves a workflow on: pending to running or cancelled, running to completed, failed or cancelled; never back.
   * Errors: WORKFLOW_UNKNOWN, WORKFLOW_TRANSITION_ILLEGAL, VERSION_CONFLICT.
   */
  transition(
    workflowId: string,
    status: Exclude<WorkflowStatus, 'pending'>,
    options?: { expectedVersion?: number } & CallOptions,
  ): Promise<WorkflowProgress>
  /** By workflow id, `limit` at a time; `after` continues behind that workflow. @default limit 100 */
  list(options?: { status?: WorkflowStatus; after?: string; limit?: number }): Promise<WorkflowInfo[]>
  /** True when there was one. Errors: INPUT_INVALID, VERSION_CONFLICT. */
  delete(workflowId: string, options?: { expectedVersion?: number } & CallOptions): Promise<boolean>
}

const STATE_MAX = 1024 * 1024
const workflowId = text(1, 200)
const saveOptions = z.strictObject({
  name: text(1, 200).optional(),
  currentStep: z.int().min(0).max(2_147_483_647).optional(),
  expectedVersion,
})
const expecting = z.strictObject({ expectedVersion })
const status = z.enum(['pending', 'running', 'completed', 'failed', 'cancelled'])
const listOptions = z.strictObject({
  status: status.optional(),
  after: text(0, 200).default(''),
  limit: z.int().min(1).max(10_000).default(100),
})

/** An item that may expect a version. */
interface Expecting {
  readonly json: string
  readonly workflowId: string
  readonly expected: number | undefined
}

const named = (id: string) => `workflow ${JSON.stringify(id)}`

export const SAVE_WORKFLOW_STATES: Operation<Expecting, { version: number | null; present: number }, number> = {
  name: 'memory.saveWorkflowStates',
  statement: statement(
    'memory.save_workflow_states',
    'select ordinal, version, present from memory.save_workflow_states($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 500,
  encode: (item) => item.json,
  decode: (row, item) => {
    if (row === undefined) throw new Error('memory.save_workflow_states returned no row for an item')
    if (row.version !== null) return row.version
    throw versionConflict(named(item.workflowId), row.present, item.expected ?? 0, 'options.expectedVersion')
  },
  isIdempotent: () => false,
}

interface ProgressRow {
  readonly status: WorkflowStatus
  readonly version: number
  readonly started_at: Date | null
  readonly completed_at: Date | null
}

type Outcome = ProgressRow & { outcome: 'moved' | 'unknown' | 'conflict' | 'illegal' }

export const TRANSITION_WORKFLOWS: Operation<Expecting & { to: WorkflowStatus }, Outcome, WorkflowProgress> = {
  name: 'memory.transitionWorkflows',
  statement: statement(
    'memory.transition_workflows',
    'select ordinal, outcome, status, version, started_at, completed_at from memory.transition_workflows($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 500,
  encode: (item) => item.json,
  decode: (row, { workflowId: id, expected, to }) => {
    if (row === undefined) throw new Error('memory.transition_workflows returned no row for an item')
    switch (row.outcome) {
      case 'moved':
        return toProgress(row)
      case 'unknown':
        throw new FleetError('WORKFLOW_UNKNOWN', { message: `there is no ${named(id)}`, field: 'workflowId' })
      case 'conflict':
        throw versionConflict(named(id), row.version, expected ?? 0, 'options.expectedVersion')
      default: {
        const legal = WORKFLOW_TRANSITIONS[row.status]
        throw new FleetError('WORKFLOW_TRANSITION_ILLEGAL', {
          message: `${named(id)} is ${row.status} and cannot become ${to}; ${legal.length === 0 ? 'it stays as it is' : `it can become ${legal.join(', ')}`}`,
          field: 'status',
          details: { present: row.status, legal },
        })
      }
    }
  },
  isIdempotent: () => false,
}

interface InfoRow extends ProgressRow {
  readonly workflow_id: string
  readonly workflow_name: string | null
  readonly current_step: number
  readonly created_at: Date
  readonly updated_at: Date
}

const COLUMNS = `s.workflow_id, s.workflow_name, s.status, s.version, s.current_step, s.started_at, s.completed_at, s.created_at, s.updated_at`

const LOAD = readStatement<InfoRow & { state: Json }>(
  'memory.load_workflow_state',
  `select ${COLUMNS}, s.state from memory.workflow_states s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.workflow_id = $1::text`,
)

const LIST = readStatement<InfoRow>(
  'memory.list_workflow_states',
  `select ${COLUMNS} from memory.workflow_states s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.workflow_id > $1::text
  order by s.workflow_id
  limit $2::integer`,
)

const LIST_OF_STATUS = readStatement<InfoRow>(
  'memory.list_workflow_states_of_status',
  `select ${COLUMNS} from memory.workflow_states s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.status = $3::text and s.workflow_id > $1::text
  order by s.workflow_id
  limit $2::integer`,
)

const DELETE = statement<{ version: number; deleted: boolean }>(
  'memory.delete_workflow_state',
  `with present as (
    select s.workflow_id, s.version from memory.workflow_states s
    where s.tenant_id = current_setting('pgfleet.tenant') and s.workflow_id = $1::text
    for update
  ),
  gone as (
    delete from memory.workflow_states s using present p
    where s.tenant_id = current_setting('pgfleet.tenant') and s.workflow_id = p.workflow_id and coalesce($2::bigint, p.version) = p.version
    returning s.workflow_id
  )
  select p.version, exists (select from gone) as deleted from present p`,
)

export const WORKFLOW_STATE_STATEMENTS: readonly Statement<unknown>[] = [
  SAVE_WORKFLOW_STATES.statement,
  TRANSITION_WORKFLOWS.statement,
  LOAD,
  LIST,
  LIST_OF_STATUS,
  DELETE,
]

export function createWorkflowStates(session: Session): WorkflowStates {
  return {
    async save(input, state, options = {}) {
      const { signal: _, durability: __, ...rest } = options
      const id = check('workflowId', workflowId, input)
      const { name, currentStep, expectedVersion: expected } = check('options', saveOptions, rest)
      const json = toJson('state', state, STATE_MAX)
      const others = JSON.stringify({ workflow_id: id, workflow_name: name, current_step: currentStep, expected })
      const item = { json: `{"state":${json},${others.slice(1)}`, workflowId: id, expected }
      return (await session.submit(SAVE_WORKFLOW_STATES, [item], options))[0] as number
    },
    async load(input, options = {}) {
      const id = check('workflowId', workflowId, input)
      const [row] = await session.query(LOAD, [id], { ...options, idempotent: true })
      return row && { ...toInfo(row), state: row.state }
    },
    async transition(input, to, options = {}) {
      const { signal: _, durability: __, ...rest } = options
      const id = check('workflowId', workflowId, input)
      const wanted = check('status', status, to)
      const { expectedVersion: expected } = check('options', expecting, rest)
      const json = JSON.stringify({ workflow_id: id, status: wanted, expected })
      const item = { json, workflowId: id, expected, to: wanted }
      return (await session.submit(TRANSITION_WORKFLOWS, [item], options))[0] as WorkflowProgress
    },
    async list(options = {}) {
      const { status, after, limit } = check('options', listOptions, options)
      const rows =
        status === undefined
          ? await session.query(LIST, [after, limit], { idempotent: true })
          : await session.query(LIST_OF_STATUS, [after, limit, status], { idempotent: true })
      return rows.map(toInfo)
    },
    async delete(input, options = {}) {
      const { signal: _, durability: __, ...rest } = options
      const id = check('workflowId', workflowId, input)
      const { expectedVersion: expected } = check('options', expecting, rest)
      const [row] = await session.query(DELETE, [id, expected ?? null], options)
      if (expected !== undefined && (row?.version ?? 0) !== expected) {
        throw versionConflict(named(id), row?.version ?? 0, expected, 'options.expectedVersion')
      }
      return row?.deleted ?? false
    },
  }
}

function toProgress(row: ProgressRow): WorkflowProgress {
  return { status: row.status, version: row.version, startedAt: row.started_at, completedAt: row.completed_at }
}

function toInfo(row: InfoRow): WorkflowInfo {
  return {
    ...toProgress(row),
    workflowId: row.workflow_id,
    name: row.workflow_name,
    currentStep: row.current_step,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
