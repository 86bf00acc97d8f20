import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { createJobs, JOB_STATEMENTS, type Jobs } from './workflows/jobs.js'
import { createWorkflows, WORKFLOW_STATEMENTS, type Workflows } from './workflows/workflows.js'

export type { NewTask, NewWorkflow } from './workflows/definition.js'
export { type Handler, type Handlers, JobFailure, type RunningJob } from './workflows/execution.js'
export type { ClaimOptions, CompletedJob, EndedJob, FailedJob, Job, JobLease, Jobs } from './workflows/jobs.js'
export type { RunOptions, RunResult } from './workflows/run.js'
export { createWorker, type Worker, type WorkerFleet, type WorkerOptions } from './workflows/worker.js'
export type {
  Task,
  TaskStatus,
  Workflow,
  WorkflowChange,
  WorkflowStanding,
  WorkflowStatus,
  WorkflowType,
  WorkflowWithTasks,
} from './workflows/workflow.js'
export type { WorkflowListOptions, WorkflowSearch } from './workflows/workflow-list.js'
export type { Transition, TransitionOptions, Workflows } from './workflows/workflows.js'

/** What the agents of one tenant do. Each change is recorded in the audit log, with the identity of its caller. */
export interface DeliveryStore {
  /** On whose behalf the calls are made. */
  readonly identity: Identity
  /** Graphs of tasks, and how they stand. */
  readonly workflows: Workflows
  /** Tasks that are ready, for those who run them. */
  readonly jobs: Jobs
}

/** Every statement of the store, for the test that prepares them all. */
export const DELIVERY_STATEMENTS: readonly Statement<unknown>[] = [...WORKFLOW_STATEMENTS, ...JOB_STATEMENTS]

export function createDeliveryStore(session: Session, identity: Identity): DeliveryStore {
  return { identity, workflows: createWorkflows(session, identity), jobs: createJobs(session, identity) }
}
