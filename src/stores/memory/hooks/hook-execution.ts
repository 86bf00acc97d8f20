import { z } from 'zod'
import { type Json, toJson } from '../../../content.js'
import { check, members, text } from '../../../input.js'
import { type ContextCodec, readContext, type StoredContext, storeContext } from './hook-context.js'

/** What a hook made of the thing it watched. */
export type HookOutcome =
  | 'continue'
  | 'modified'
  | 'cancel'
  | 'redirect'
  | 'replace'
  | 'retry'
  | 'fork'
  | 'cache'
  | 'skipped'

/** One run of a hook, to keep. */
export interface NewHookExecution {
  /** A UUIDv7; recording it twice keeps the first. Its time is when it was recorded: at most 400 days ago. */
  readonly id: string
  /** Which hook: 1 to 200 characters. */
  readonly hookId: string
  /** What it hooks into, like `before_tool`: 1 to 100 characters. */
  readonly hookType: string
  /** What it belongs to, like a request or trace: 1 to 200 characters. */
  readonly correlationId?: string
  /** @default the time inside the id */
  readonly occurredAt?: Date
  /** @default 0 */
  readonly durationMs?: number
  /** @default 'continue' */
  readonly outcome?: HookOutcome
  /** What fired it, and the component it ran in: 1 to 200 characters each. */
  readonly triggeredBy?: string
  readonly componentId?: string
  /** What the hook was given: any JSON, at most 1048576 characters. Kept compressed from 1 KiB. */
  readonly context?: Json
  /** What it returned: any JSON, at most 65536 characters. */
  readonly result?: Json
  /** At most 50 of 1 to 100 characters. */
  readonly tags?: readonly string[]
  readonly metadata?: Record<string, Json>
  /** It changed what it was given. @default false */
  readonly isModified?: boolean
  /** Its context holds personal data or secrets. @default false */
  readonly isSensitive?: boolean
  /** How much it matters to keep it, 0 to 10; see the retention. @default 0 */
  readonly priority?: number
}

/** A run of a hook without its context. */
export interface HookExecutionInfo {
  readonly id: string
  readonly hookId: string
  readonly hookType: string
  readonly correlationId: string | null
  readonly occurredAt: Date
  readonly durationMs: number
  readonly outcome: HookOutcome
  readonly triggeredBy: string | null
  readonly componentId: string | null
  readonly result: Json
  readonly tags: readonly string[]
  readonly metadata: Record<string, Json>
  readonly isModified: boolean
  readonly isSensitive: boolean
  readonly priority: number
  /** Bytes of the context's JSON, uncompressed; 0 without one. */
  readonly contextBytes: number
}

/** A run of a hook. */
export interface HookExecution extends HookExecutionInfo {
  /** Undefined when it has none. */
  readonly context: Json | undefined
}

const RESULT_LENGTH_MAX = 65_536
const name = text(1, 200)
const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))

const executions = z.array(
  z.strictObject({
    id: z.uuidv7(),
    hookId: name,
    hookType: text(1, 100),
    correlationId: name.optional(),
    occurredAt: moment.optional(),
    durationMs: z.number().min(0).max(1e12).optional(),
    outcome: z
      .enum(['continue', 'modified', 'cancel', 'redirect', 'replace', 'retry', 'fork', 'cache', 'skipped'])
      .optional(),
    triggeredBy: name.optional(),
    componentId: name.optional(),
    context: z.unknown().optional(),
    result: z.unknown().optional(),
    tags: z.array(text(1, 100)).max(50).optional(),
    metadata: members.optional(),
    isModified: z.boolean().optional(),
    isSensitive: z.boolean().optional(),
    priority: z.int().min(0).max(10).optional(),
  }),
)

/** Checks executions, and makes each the JSON that travels. Errors: INPUT_INVALID. */
export async function encodeExecutions(input: readonly NewHookExecution[]): Promise<string[]> {
  return await Promise.all(check('executions', executions, input).map(encode))
}

async function encode(item: z.output<typeof executions>[number], index: number): Promise<string> {
  const field = `executions[${index}]`
  const json = (member: string, value: unknown) =>
    value === undefined ? '' : `"${member}":${toJson(`${field}.${member}`, value, RESULT_LENGTH_MAX)},`
  const jsons = json('result', item.result) + json('metadata', item.metadata)
  const context: StoredContext | undefined =
    item.context === undefined ? undefined : await storeContext(`${field}.context`, item.context)
  const rest = JSON.stringify({
    id: item.id,
    hook_id: item.hookId,
    hook_type: item.hookType,
    correlation_id: item.correlationId,
    occurred_at: item.occurredAt ?? timeOf(item.id),
    duration_ms: item.durationMs,
    outcome: item.outcome,
    triggered_by: item.triggeredBy,
    component_id: item.componentId,
    tags: item.tags,
    is_modified: item.isModified,
    is_sensitive: item.isSensitive,
    priority: item.priority,
    context: context?.bytes.toString('base64'),
    context_codec: context?.codec,
    context_bytes: context?.length,
  })
  return `{${jsons}${rest.slice(1)}`
}

/** The time inside a UUIDv7. */
function timeOf(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16))
}

/** An execution as the database gives it; without its context where that was not asked for. */
export interface HookExecutionRow {
  readonly execution_id: string
  readonly hook_id: string
  readonly hook_type: string
  readonly correlation_id: string | null
  readonly occurred_at: Date
  readonly duration_ms: number
  readonly outcome: HookOutcome
  readonly triggered_by: string | null
  readonly component_id: string | null
  readonly result: Json
  readonly tags: string[]
  readonly metadata: Record<string, Json>
  readonly is_modified: boolean
  readonly is_sensitive: boolean
  readonly priority: number
  readonly context_bytes: number
  readonly context_codec?: ContextCodec | null
  readonly context?: Buffer | null
}

/** The columns of an execution, without its context. */
export const INFO_COLUMNS = `e.execution_id, e.hook_id, e.hook_type, e.correlation_id, e.occurred_at, e.duration_ms, e.outcome,
    e.triggered_by, e.component_id, e.result, e.tags, e.metadata, e.is_modified, e.is_sensitive, e.priority, e.context_bytes`

export function toInfo(row: HookExecutionRow): HookExecutionInfo {
  return {
    id: row.execution_id,
    hookId: row.hook_id,
    hookType: row.hook_type,
    correlationId: row.correlation_id,
    occurredAt: row.occurred_at,
    durationMs: row.duration_ms,
    outcome: row.outcome,
    triggeredBy: row.triggered_by,
    componentId: row.component_id,
    result: row.result,
    tags: row.tags,
    metadata: row.metadata,
    isModified: row.is_modified,
    isSensitive: row.is_sensitive,
    priority: row.priority,
    contextBytes: row.context_bytes,
  }
}

/** The execution with its context. Errors: CHECKSUM_MISMATCH. */
export async function toExecution(row: HookExecutionRow): Promise<HookExecution> {
  const context =
    row.context && row.context_codec ? await readContext(row.context_codec, row.context, row.context_bytes) : undefined
  return { ...toInfo(row), context }
}
