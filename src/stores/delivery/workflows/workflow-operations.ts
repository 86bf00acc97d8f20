import type { Operation } from '../../../database/batch.js'
import { statement } from '../../../database/statement.js'
import {
  type TaskJson,
  toTask,
  toWorkflow,
  type WorkflowJson,
  type WorkflowStanding,
  type WorkflowStatus,
  type WorkflowWithTasks,
} from './workflow.js'

interface StandingRow {
  readonly workflow_id: string
  readonly status: WorkflowStatus
  readonly version: number
  readonly started_at: Date | null
  readonly ended_at: Date | null
  readonly deadline_at: Date | null
}

const STANDING = 'workflow_id, status, version, started_at, ended_at, deadline_at'
const toStanding = (row: StandingRow | undefined): WorkflowStanding => {
  if (row === undefined) throw new Error('the database returned no row for a workflow')
  return {
    id: row.workflow_id,
    status: row.status,
    version: row.version,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    deadlineAt: row.deadline_at,
  }
}
const plain = (item: string) => item

export const CREATE: Operation<string, StandingRow, WorkflowStanding> = {
  name: 'delivery.create_workflows',
  statement: statement(
    'delivery.create_workflows',
    `select ordinal, ${STANDING} from delivery.create_workflows($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 2000,
  // A statement costs as much as several workflows: beside another it leaves for many of them.
  itemsMin: 20,
  encode: plain,
  decode: toStanding,
  isIdempotent: () => true,
}

/** A transition as it travels. */
interface EncodedTransition {
  readonly text: string
  readonly idempotent: boolean
}

export const TRANSITION: Operation<EncodedTransition, StandingRow, WorkflowStanding> = {
  name: 'delivery.transition_workflows',
  statement: statement(
    'delivery.transition_workflows',
    `select ordinal, ${STANDING} from delivery.transition_workflows($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 2000,
  // As with those that are made.
  itemsMin: 20,
  encode: (item) => item.text,
  decode: toStanding,
  isIdempotent: (item) => item.idempotent,
}

export const GET: Operation<string, { workflow: WorkflowJson; tasks: TaskJson[] }, WorkflowWithTasks | undefined> = {
  name: 'delivery.get_workflows',
  statement: statement(
    'delivery.get_workflows',
    'select ordinal, workflow, tasks from delivery.get_workflows($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 1000,
  encode: plain,
  decode: (row) => {
    if (row === undefined) return undefined
    const names = new Map(row.tasks.map(({ number, name }) => [number, name]))
    return { ...toWorkflow(row.workflow), tasks: row.tasks.map((task) => toTask(task, names)) }
  },
  isIdempotent: () => true,
}
