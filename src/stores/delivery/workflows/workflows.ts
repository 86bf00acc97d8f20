import { z } from 'zod'
import type { CallOptions } from '../../../database/batch.js'
import type { Reading, Session } from '../../../database/session.js'
import type { Statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { checkWorkflows, encodeWorkflow, type NewWorkflow } from './definition.js'
import type { Handlers } from './execution.js'
import { createJobs } from './jobs.js'
import { type RunOptions, type RunResult, runWorkflow } from './run.js'
import type { Workflow, WorkflowChange, WorkflowStanding, WorkflowWithTasks } from './workflow.js'
import {
  listWorkflows,
  searchWorkflows,
  WORKFLOW_LIST_STATEMENTS,
  type WorkflowListOptions,
  type WorkflowSearch,
  workflowHistory,
} from './workflow-list.js'
import { CREATE, GET, TRANSITION } from './workflow-operations.js'

/** How a status is changed. */
export interface TransitionOptions extends CallOptions {
  /** Kept in the history: 1 to 1,000 characters. @default none */
  readonly reason?: string
  /** Refuses the change with VERSION_CONFLICT when the workflow is at another version. */
  readonly expectedVersion?: number
}

/** A call that changes the status of workflows. */
export interface Transition {
  (id: string, options?: TransitionOptions): Promise<WorkflowStanding>
  (ids: readonly string[], options?: TransitionOptions): Promise<WorkflowStanding[]>
}

/** Workflows of one tenant: graphs of tasks that workers run (`jobs`), or this process (`run`). */
export interface Workflows {
  /**
   * Creates workflows with their tasks, pending unless told to start. Idempotent by id. Errors: INPUT_INVALID (also for a
   * cycle, which it names, and an unknown dependency), ID_CONFLICT, ID_OUT_OF_WINDOW, WORKFLOW_UNKNOWN (the parent),
   * QUOTA_EXCEEDED.
   */
  create(workflow: NewWorkflow, options?: CallOptions): Promise<WorkflowStanding>
  create(workflows: readonly NewWorkflow[], options?: CallOptions): Promise<WorkflowStanding[]>
  /** Undefined when there is none. */
  get(id: string, options?: CallOptions): Promise<WorkflowWithTasks | undefined>
  get(ids: readonly string[], options?: CallOptions): Promise<(WorkflowWithTasks | undefined)[]>
  /** Newest first, without their tasks, `limit` at a time; `after` continues behind the workflow of that id. */
  list(options?: WorkflowListOptions): Promise<Workflow[]>
  /** Newest first, by words of name and description, tags and what the metadata contains. Errors: INPUT_INVALID. */
  search(search: WorkflowSearch): Promise<Workflow[]>
  /**
   * Pending to running: tasks that wait for nothing become jobs. Going to the status that it is in changes nothing, here
   * and in the three below. Errors: WORKFLOW_UNKNOWN, WORKFLOW_TRANSITION_ILLEGAL, VERSION_CONFLICT.
   */
  readonly start: Transition
  /** Running to paused: no job of it is claimed; those that are, may be completed. Errors: as of start. */
  readonly pause: Transition
  /** Paused to running. Errors: as of start. */
  readonly resume: Transition
  /** To cancelled: its open tasks are cancelled, and leases of its jobs are lost. Errors: as of start. */
  readonly cancel: Transition
  /** The changes of its status, first to last; none of one that is not there. */
  history(id: string, options?: { signal?: AbortSignal }): Promise<WorkflowChange[]>
  /**
   * Creates the same workflow again, as a child of one that has ended, and starts it; with an id of the new one it may be
   * repeated. A deadline is not taken over. Errors: WORKFLOW_UNKNOWN, WORKFLOW_TRANSITION_ILLEGAL (it has not ended), ID_CONFLICT.
   */
  retry(id: string, options?: { id?: string; start?: boolean } & CallOptions): Promise<WorkflowStanding>
  /**
   * Creates the workflow, starts it, and runs its tasks in this process until it ends; no other worker gets them. With an
   * id it may be repeated: after a crash the same call goes on where it stood. A signal cancels the workflow, waits for
   * the handlers that run, and rejects with ABORTED. Errors: INPUT_INVALID (also for a type without a handler), and those of create.
   */
  run(workflow: NewWorkflow, handlers: Handlers, options?: RunOptions): Promise<RunResult>
}

export const WORKFLOW_STATEMENTS: readonly Statement<unknown>[] = [
  CREATE.statement,
  TRANSITION.statement,
  GET.statement,
  ...WORKFLOW_LIST_STATEMENTS,
]

const targets = z.array(z.strictObject({ id: z.uuid() }))
const transitionOptions = z.strictObject({
  reason: text(1, 1000).optional(),
  expectedVersion: z.int().min(1).optional(),
})
const retryOptions = z.strictObject({ id: z.uuidv7().optional(), start: z.boolean().default(true) })

export function createWorkflows(session: Session, identity: Identity): Workflows {
  const create = async (input: readonly NewWorkflow[], options?: CallOptions) =>
    await session.submit(
      CREATE,
      checkWorkflows(input).map((workflow, i) => encodeWorkflow(workflow, i, identity).text),
      options,
    )
  const get = async (input: readonly string[], options?: CallOptions & Reading) => {
    const ids = check('ids', z.array(z.uuid()), input)
    return await session.submit(
      GET,
      ids.map((id) => JSON.stringify({ id })),
      options,
    )
  }
  const transition = (verb: 'start' | 'pause' | 'resume' | 'cancel'): Transition => {
    const move = async (ids: readonly string[], { signal, durability, ...rest }: TransitionOptions = {}) => {
      const { reason, expectedVersion } = check('options', transitionOptions, rest)
      const asked = check(
        'workflows',
        targets,
        ids.map((id) => ({ id })),
      )
      const items = asked.map(({ id }) => ({
        text: JSON.stringify({ id, verb, reason, expected_version: expectedVersion, ...encodeIdentity(identity) }),
        // With a version the second application would be refused, though the first was applied.
        idempotent: expectedVersion === undefined,
      }))
      return await session.submit(TRANSITION, items, {
        ...(signal && { signal }),
        ...(durability && { durability }),
      })
    }
    return (async (input: string | readonly string[], options?: TransitionOptions) =>
      Array.isArray(input) ? await move(input, options) : (await move([input as string], options))[0]) as Transition
  }
  return {
    create: (async (input: NewWorkflow | readonly NewWorkflow[], options?: CallOptions) =>
      Array.isArray(input)
        ? await create(input, options)
        : (await create([input as NewWorkflow], options))[0]) as Workflows['create'],
    get: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await get(input, options)
        : (await get([input as string], options))[0]) as Workflows['get'],
    list: (options = {}) => listWorkflows(session, options),
    search: (search) => searchWorkflows(session, search),
    start: transition('start'),
    pause: transition('pause'),
    resume: transition('resume'),
    cancel: transition('cancel'),
    history: (id, options = {}) => workflowHistory(session, id, options),
    async retry(id, { signal, durability, ...rest } = {}) {
      const child = check('options', retryOptions, rest)
      const call = { ...(signal && { signal }), ...(durability && { durability }) }
      const [former] = await get([id], { ...call, consistency: 'latest' })
      if (former === undefined) {
        throw new FleetError('WORKFLOW_UNKNOWN', { message: `there is no workflow ${id}`, field: 'id' })
      }
      if (former.endedAt === null) {
        throw new FleetError('WORKFLOW_TRANSITION_ILLEGAL', {
          message: `workflow ${id} is ${former.status}; only one that has ended is repeated`,
          field: 'id',
        })
      }
      return (
        await create([{ ...definitionOf(former), ...withoutUndefined(child), parentId: id }], call)
      )[0] as WorkflowStanding
    },
    run: (workflow, handlers, options = {}) =>
      runWorkflow({
        session,
        identity,
        jobs: createJobs(session, identity),
        workflow,
        handlers,
        options,
        cancel: transition('cancel'),
      }),
  }
}

/** The members that are there: an optional member is left out, never undefined. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}

/** What creates the same workflow again. */
function definitionOf(former: WorkflowWithTasks): NewWorkflow {
  const { description, triggeredBy, estimateMs, timeoutMs } = former
  return {
    name: former.name,
    type: former.type,
    environment: former.environment,
    priority: former.priority,
    tags: former.tags,
    metadata: former.metadata,
    configuration: former.configuration,
    ...(description !== null && { description }),
    ...(triggeredBy !== null && { triggeredBy }),
    ...(estimateMs !== null && { estimateMs }),
    ...(timeoutMs !== null && { timeoutMs }),
    tasks: former.tasks.map((task) => ({
      name: task.name,
      type: task.type,
      dependsOn: task.dependsOn,
      optional: task.optional,
      critical: task.critical,
      maxRetries: task.maxRetries,
      retryDelayMs: task.retryDelayMs,
      delayMs: task.delayMs,
      ...(task.timeoutMs !== null && { timeoutMs: task.timeoutMs }),
      payload: task.payload,
    })),
  }
}
