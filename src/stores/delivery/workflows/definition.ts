import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { type Json, toContent, toJson } from '../../../content.js'
import { FleetError } from '../../../errors.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, members, text } from '../../../input.js'
import { WORKFLOW_TYPES, type WorkflowType } from './workflow.js'

/** A task to create. */
export interface NewTask {
  /** Unique in the workflow, of 1 to 200 characters. */
  readonly name: string
  /** By which workers claim it, of 1 to 100 characters. @default its name, cut to 100 */
  readonly type?: string
  /** Names of the tasks that must have ended before it; without any it may run at once, beside others. @default [] */
  readonly dependsOn?: readonly string[]
  /** Its failure stops nothing: those that depend on it run all the same. @default false */
  readonly optional?: boolean
  /**
   * Its failure fails the workflow at once. The failure of a task that is neither critical nor optional skips those that
   * depend on it, and the workflow fails when all others have ended. @default true, of an optional task false
   */
  readonly critical?: boolean
  /** Attempts after the first, 0 to 100. @default 3 */
  readonly maxRetries?: number
  /** Wait before the first retry, doubled with each further one, an hour at most, less up to a half of it at random. @default 60_000 */
  readonly retryDelayMs?: number
  /** Wait between its readiness and its first attempt; 0 to 31 days. @default 0 */
  readonly delayMs?: number
  /** How long an attempt may take; then it has failed, and is retried. @default no limit */
  readonly timeoutMs?: number
  /** Handed to the worker: at most 262,144 characters of JSON. @default null */
  readonly payload?: Json
}

/** A workflow to create. */
export interface NewWorkflow {
  /** A UUIDv7; creating with the same id and content again finds the workflow that is there. @default a new one */
  readonly id?: string
  /** 1 to 255 characters. */
  readonly name: string
  /** At most 10,000 characters. @default none */
  readonly description?: string
  /** @default 'ci_cd' */
  readonly type?: WorkflowType
  /** 1 to 50 characters. @default 'development' */
  readonly environment?: string
  /** 0 to 10: jobs of a higher one are claimed first. @default 0 */
  readonly priority?: number
  /** 1 to 200 characters. @default nobody */
  readonly triggeredBy?: string
  /** A workflow of the same tenant that this one repeats or belongs to. @default none */
  readonly parentId?: string
  /** How long it is expected to take. @default unknown */
  readonly estimateMs?: number
  /** How long it may take from its start, pauses included; then its status is timeout. @default no limit */
  readonly timeoutMs?: number
  /** When it times out at the latest. @default never */
  readonly deadline?: Date
  /** At most 100, of 1 to 100 characters. @default [] */
  readonly tags?: readonly string[]
  /** At most 65,536 characters of JSON. @default {} */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** At most 262,144 characters of JSON. @default {} */
  readonly configuration?: Readonly<Record<string, unknown>>
  /** Starts it in the same step. @default false */
  readonly start?: boolean
  /** At most 1,000. A workflow without tasks is completed when it is started. */
  readonly tasks: readonly NewTask[]
}

/** Most characters of JSON of a payload, a result or a configuration. */
export const PAYLOAD_LENGTH_MAX = 262_144
const METADATA_LENGTH_MAX = 65_536
/** All of a workflow, as it travels. */
const WORKFLOW_LENGTH_MAX = 8 * 1024 * 1024

const milliseconds = (min: number, max: number) => z.int().min(min).max(max)
const MONTH = 31 * 86_400_000
const task = z.strictObject({
  name: text(1, 200),
  type: text(1, 100).optional(),
  dependsOn: z.array(text(1, 200)).max(1000).default([]),
  optional: z.boolean().default(false),
  critical: z.boolean().optional(),
  maxRetries: z.int().min(0).max(100).default(3),
  retryDelayMs: milliseconds(0, 3_600_000).default(60_000),
  delayMs: milliseconds(0, 2_147_483_647).default(0),
  timeoutMs: milliseconds(1, 2_147_483_647).optional(),
  payload: z.unknown().optional(),
})
const workflows = z.array(
  z.strictObject({
    id: z.uuidv7().optional(),
    name: text(1, 255),
    description: text(0, 10_000).optional(),
    type: z.enum(WORKFLOW_TYPES).default('ci_cd'),
    environment: text(1, 50).default('development'),
    priority: z.int().min(0).max(10).default(0),
    triggeredBy: text(1, 200).optional(),
    parentId: z.uuid().optional(),
    estimateMs: milliseconds(0, 120 * MONTH).optional(),
    timeoutMs: milliseconds(1, 120 * MONTH).optional(),
    deadline: z.date().optional(),
    tags: z.array(text(1, 100)).max(100).default([]),
    metadata: members.default({}),
    configuration: members.default({}),
    start: z.boolean().default(false),
    tasks: z.array(task).max(1000),
  }),
)

/** A workflow that has been checked. */
export type CheckedWorkflow = z.output<typeof workflows>[number]
type CheckedTask = z.output<typeof task>

/** Checks definitions, their graphs too. Errors: INPUT_INVALID, which names a cycle as `a > b > a`. */
export function checkWorkflows(input: readonly NewWorkflow[]): CheckedWorkflow[] {
  const checked = check('workflows', workflows, input)
  for (const [i, { tasks }] of checked.entries()) checkGraph(`workflows[${i}].tasks`, tasks)
  return checked
}

function invalid(field: string, message: string): FleetError {
  return new FleetError('INPUT_INVALID', { message: `${field}: ${message}`, field })
}

function checkGraph(field: string, tasks: readonly CheckedTask[]): void {
  const byName = new Map<string, CheckedTask>()
  for (const [i, each] of tasks.entries()) {
    if (byName.has(each.name)) throw invalid(`${field}[${i}].name`, `there are two tasks ${JSON.stringify(each.name)}`)
    if (each.optional && each.critical) throw invalid(`${field}[${i}].critical`, 'an optional task cannot be critical')
    byName.set(each.name, each)
  }
  for (const [i, { dependsOn }] of tasks.entries()) {
    const unknown = dependsOn.findIndex((name) => !byName.has(name))
    if (unknown >= 0)
      throw invalid(`${field}[${i}].dependsOn[${unknown}]`, `there is no task ${JSON.stringify(dependsOn[unknown])}`)
  }
  const cycle = cycleOf(byName)
  if (cycle !== undefined) throw invalid(field, `the tasks wait for each other: ${cycle.join(' > ')}`)
}

/** Names along a cycle, the first again at the end. Without recursion: a chain may be as long as the list. */
function cycleOf(tasks: ReadonlyMap<string, CheckedTask>): string[] | undefined {
  const done = new Set<string>()
  for (const start of tasks.keys()) {
    const path: { name: string; next: number }[] = [{ name: start, next: 0 }]
    const onPath = new Set([start])
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const name = done.has(top.name) ? undefined : tasks.get(top.name)?.dependsOn[top.next++]
      if (name === undefined) {
        done.add(top.name)
        onPath.delete(top.name)
        path.pop()
      } else if (onPath.has(name)) {
        return [...path.slice(path.findIndex((step) => step.name === name)).map((step) => step.name), name]
      } else if (!done.has(name)) {
        path.push({ name, next: 0 })
        onPath.add(name)
      }
    }
  }
  return undefined
}

/** A workflow as it travels; `dedicated` ones are claimed by their id alone, whatever the types of their tasks. */
export function encodeWorkflow(
  workflow: CheckedWorkflow,
  index: number,
  identity: Identity,
  dedicated = false,
): { readonly id: string; readonly text: string } {
  const id = workflow.id ?? uuidv7()
  const at = `workflows[${index}]`
  const json = (field: string, value: unknown, max: number) => toJson(`${at}.${field}`, value, max)
  const numbers = new Map(workflow.tasks.map(({ name }, i) => [name, i + 1]))
  const needs = workflow.tasks.map(({ dependsOn }) => [
    ...new Set(dependsOn.map((name) => numbers.get(name) as number)),
  ])
  const feeds = workflow.tasks.map((): number[] => [])
  for (const [i, each] of needs.entries()) for (const number of each) feeds[number - 1]?.push(i + 1)
  const tasks = workflow.tasks.map((each, i) => {
    const plain = {
      n: i + 1,
      name: each.name,
      type: each.type ?? each.name.slice(0, 100),
      ...(dedicated ? { channel: id } : {}),
      needs: needs[i],
      feeds: feeds[i],
      optional: each.optional,
      critical: each.critical ?? !each.optional,
      max_retries: each.maxRetries,
      retry_delay_ms: each.retryDelayMs,
      delay_ms: each.delayMs,
      timeout_ms: each.timeoutMs,
    }
    const payload = json(`tasks[${i}].payload`, each.payload ?? null, PAYLOAD_LENGTH_MAX)
    return `${JSON.stringify(plain).slice(0, -1)},"payload":${payload}}`
  })
  const plain = {
    name: workflow.name,
    description: workflow.description,
    type: workflow.type,
    environment: workflow.environment,
    triggered_by: workflow.triggeredBy,
    parent_id: workflow.parentId,
    priority: workflow.priority,
    estimate_ms: workflow.estimateMs,
    timeout_ms: workflow.timeoutMs,
    deadline_at: workflow.deadline,
    tags: workflow.tags,
  }
  const content = `${JSON.stringify(plain).slice(0, -1)},"metadata":${json('metadata', workflow.metadata, METADATA_LENGTH_MAX)},"configuration":${json('configuration', workflow.configuration, PAYLOAD_LENGTH_MAX)},"tasks":[${tasks.join()}]`
  const { hash } = toContent(at, content, WORKFLOW_LENGTH_MAX)
  const head = { id, content_hash: hash, start: workflow.start, ...encodeIdentity(identity) }
  return { id, text: `${JSON.stringify(head).slice(0, -1)},${content.slice(1)}}` }
}
