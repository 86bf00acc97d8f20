import { z } from 'zod'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { check, text } from '../../../input.js'
import {
  confirmArchive,
  HOOK_ARCHIVE_STATEMENTS,
  type HookArchive,
  type HookArchiveOptions,
  type HookArchiveReceipt,
  listArchives,
  openArchive,
} from './hook-archive.js'
import {
  encodeExecutions,
  type HookExecution,
  type HookExecutionInfo,
  type HookExecutionRow,
  INFO_COLUMNS,
  type NewHookExecution,
  toExecution,
  toInfo,
} from './hook-execution.js'

/** How long executions are kept; of each hook. */
export interface HookRetention {
  /** 1 to 400. */
  readonly days: number
  /** More days for executions of `priorityFrom` and above. */
  readonly extraDays: number
  /** 0 to 10. */
  readonly priorityFrom: number
  /** The newest so many stay, however old. */
  readonly executionsMin: number
  /** At most so many stay; those of `priorityFrom` and above before others, then the newest. */
  readonly executionsMax: number
}

const EXTRA = { extraDays: 7, priorityFrom: 5 }

/** Retentions by name. */
export const HOOK_RETENTIONS: Readonly<Record<'short' | 'default' | 'long', HookRetention>> = Object.freeze({
  short: Object.freeze({ days: 1, ...EXTRA, executionsMin: 10, executionsMax: 1_000 }),
  default: Object.freeze({ days: 7, ...EXTRA, executionsMin: 100, executionsMax: 10_000 }),
  long: Object.freeze({ days: 30, ...EXTRA, executionsMin: 1_000, executionsMax: 100_000 }),
})

/** Which executions to list: all, or those of one hook, type or correlation. */
export interface HookListOptions {
  readonly hookId?: string
  readonly hookType?: string
  readonly correlationId?: string
  /** Goes on behind the execution of this id. */
  readonly after?: string
  /** 1 to 10000. @default 100 */
  readonly limit?: number
}

/** What a tenant keeps of its hooks. */
export interface HookStatistics {
  readonly executions: number
  readonly hooks: number
  readonly modified: number
  readonly sensitive: number
  readonly meanDurationMs: number | null
  /** Bytes of the contexts before and after their codec. */
  readonly contextBytes: number
  readonly storedContextBytes: number
  readonly oldestAt: Date | null
  readonly newestAt: Date | null
  readonly byType: Readonly<Record<string, number>>
  readonly byOutcome: Readonly<Record<string, number>>
}

/** What hooks of one tenant did. */
export interface Hooks {
  /** Keeps executions, all of a call or none; idempotent by id. Errors: INPUT_INVALID, ID_OUT_OF_WINDOW. */
  record(execution: NewHookExecution, options?: CallOptions): Promise<{ replayed: boolean }>
  record(executions: readonly NewHookExecution[], options?: CallOptions): Promise<{ replayed: boolean }[]>
  /** An execution with its context; undefined when it is not there. Errors: INPUT_INVALID, CHECKSUM_MISMATCH. */
  get(id: string, options?: CallOptions): Promise<HookExecution | undefined>
  get(ids: readonly string[], options?: CallOptions): Promise<(HookExecution | undefined)[]>
  /** Without contexts, by id: of a correlation the oldest first, else the newest first. Errors: INPUT_INVALID. */
  list(options?: HookListOptions): Promise<HookExecutionInfo[]>
  /** Reads what the tenant holds of it, from end to end. */
  statistics(): Promise<HookStatistics>
  /**
   * Removes what the retention does not keep, in steps of `rowsMax`; how many. Not archived first: see `archive`.
   * @default retention 'default'
   */
  applyRetention(
    retention?: keyof typeof HOOK_RETENTIONS | HookRetention,
    options?: { rowsMax?: number; signal?: AbortSignal },
  ): Promise<number>
  /** Writes out the executions recorded before a time, and deletes them once their storing is confirmed; see HookArchive. */
  archive(before: Date, options?: HookArchiveOptions): HookArchive
  /** Confirms an archive by its id: deletes what it wrote out; how many. Errors: ARCHIVE_UNKNOWN, ARCHIVE_INCOMPLETE. */
  confirmArchive(id: string): Promise<number>
  /** The archives, the newest first; `after` continues behind that one. @default limit 100 */
  archives(options?: { after?: string; limit?: number }): Promise<HookArchiveReceipt[]>
}

export const RECORD_HOOK_EXECUTIONS: Operation<string, { replayed: boolean }, { replayed: boolean }> = {
  name: 'memory.recordHookExecutions',
  statement: statement(
    'memory.record_hook_executions',
    'select ordinal, replayed from memory.record_hook_executions($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item,
  decode: (row) => {
    if (row === undefined) throw new Error('memory.record_hook_executions returned no row for an execution')
    return { replayed: row.replayed }
  },
  isIdempotent: () => true,
}

export const GET_HOOK_EXECUTIONS: Operation<string, HookExecutionRow, HookExecutionRow | undefined> = {
  name: 'memory.getHookExecutions',
  statement: statement(
    'memory.get_hook_executions',
    `select e.ordinal, ${INFO_COLUMNS}, e.context_codec, e.context from memory.get_hook_executions($1::text, $2::jsonb) e`,
  ),
  writes: false,
  itemsMax: 500,
  encode: (item) => JSON.stringify(item),
  decode: (row) => row,
  isIdempotent: () => true,
}

const LIST = readStatement<HookExecutionRow>(
  'memory.list_hook_executions',
  `select ${INFO_COLUMNS} from memory.hook_executions e
  where e.tenant_id = current_setting('pgfleet.tenant') and e.execution_id < $1::uuid
  order by e.execution_id desc
  limit $2::integer`,
)

const LIST_OF_HOOK = readStatement<HookExecutionRow>(
  'memory.list_hook_executions_of_hook',
  `select ${INFO_COLUMNS} from memory.hook_executions e
  where e.tenant_id = current_setting('pgfleet.tenant') and e.hook_id = $3::text and e.execution_id < $1::uuid
  order by e.execution_id desc
  limit $2::integer`,
)

const LIST_OF_TYPE = readStatement<HookExecutionRow>(
  'memory.list_hook_executions_of_type',
  `select ${INFO_COLUMNS} from memory.hook_executions e
  where e.tenant_id = current_setting('pgfleet.tenant') and e.hook_type = $3::text and e.execution_id < $1::uuid
  order by e.execution_id desc
  limit $2::integer`,
)

const LIST_OF_CORRELATION = readStatement<HookExecutionRow>(
  'memory.list_hook_executions_of_correlation',
  `select ${INFO_COLUMNS} from memory.hook_executions e
  where e.tenant_id = current_setting('pgfleet.tenant') and e.correlation_id = $3::text and e.execution_id > $1::uuid
  order by e.execution_id
  limit $2::integer`,
)

const STATISTICS = readStatement<{
  executions: number
  hooks: number
  modified: number
  sensitive: number
  mean_duration_ms: number | null
  context_bytes: number
  stored_context_bytes: number
  oldest_at: Date | null
  newest_at: Date | null
  by_type: Record<string, number> | null
  by_outcome: Record<string, number> | null
}>(
  'memory.hook_statistics',
  `with kind as (
    select e.hook_id, e.hook_type, e.outcome, count(*) as executions, count(*) filter (where e.is_modified) as modified,
      count(*) filter (where e.is_sensitive) as sensitive, sum(e.duration_ms) as duration_ms, sum(e.context_bytes) as context_bytes,
      sum(octet_length(e.context)) as stored_context_bytes, min(e.occurred_at) as oldest_at, max(e.occurred_at) as newest_at
    from memory.hook_executions e
    where e.tenant_id = current_setting('pgfleet.tenant')
    group by e.hook_id, e.hook_type, e.outcome
  )
  select coalesce(sum(k.executions), 0)::bigint as executions, count(distinct k.hook_id) as hooks,
    coalesce(sum(k.modified), 0)::bigint as modified, coalesce(sum(k.sensitive), 0)::bigint as sensitive,
    sum(k.duration_ms) / sum(k.executions)::double precision as mean_duration_ms, coalesce(sum(k.context_bytes), 0)::bigint as context_bytes,
    coalesce(sum(k.stored_context_bytes), 0)::bigint as stored_context_bytes, min(k.oldest_at) as oldest_at, max(k.newest_at) as newest_at,
    (select jsonb_object_agg(t.hook_type, t.executions) from (select hook_type, sum(executions) as executions from kind group by hook_type) t) as by_type,
    (select jsonb_object_agg(o.outcome, o.executions) from (select outcome, sum(executions) as executions from kind group by outcome) o) as by_outcome
  from kind k`,
)

const APPLY_RETENTION = statement<{ deleted: number }>(
  'memory.apply_hook_retention',
  `select memory.apply_hook_retention(current_setting('pgfleet.tenant'), $1::integer, $2::integer, $3::integer, $4::integer, $5::integer,
    $6::integer) as deleted`,
)

export const HOOK_STATEMENTS: readonly Statement<unknown>[] = [
  RECORD_HOOK_EXECUTIONS.statement,
  GET_HOOK_EXECUTIONS.statement,
  LIST,
  LIST_OF_HOOK,
  LIST_OF_TYPE,
  LIST_OF_CORRELATION,
  STATISTICS,
  APPLY_RETENTION,
  ...HOOK_ARCHIVE_STATEMENTS,
]

const name = text(1, 200)
const listOptions = z.strictObject({
  hookId: name.optional(),
  hookType: text(1, 100).optional(),
  correlationId: name.optional(),
  after: z.uuid().optional(),
  limit: z.int().min(1).max(10_000).default(100),
})
const count = z.int().min(0).max(1_000_000_000)
const retentions = z.union([
  z.enum(['short', 'default', 'long']),
  z.strictObject({
    days: z.int().min(1).max(400),
    extraDays: z.int().min(0).max(400),
    priorityFrom: z.int().min(0).max(10),
    executionsMin: count,
    executionsMax: count,
  }),
])
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const OLDEST = '00000000-0000-0000-0000-000000000000'

export function createHooks(session: Session): Hooks {
  return {
    record: (async (input: NewHookExecution | readonly NewHookExecution[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const encoded = await encodeExecutions(many ? input : [input as NewHookExecution])
      const recorded = await session.submit(RECORD_HOOK_EXECUTIONS, encoded, options)
      return many ? recorded : recorded[0]
    }) as Hooks['record'],
    get: (async (input: string | readonly string[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const ids = many ? check('ids', z.array(z.uuid()), input) : [check('id', z.uuid(), input)]
      const rows = await session.submit(GET_HOOK_EXECUTIONS, ids, options)
      const found = await Promise.all(rows.map((row) => row && toExecution(row)))
      return many ? found : found[0]
    }) as Hooks['get'],
    async list(options = {}) {
      const { hookId, hookType, correlationId, after, limit } = check('options', listOptions, options)
      const [kind, other] = Object.entries({ hookId, hookType, correlationId }).filter(([, id]) => id !== undefined)
      if (other !== undefined) {
        throw new FleetError('INPUT_INVALID', {
          message: `options.${other[0]}: list by one of hookId, hookType and correlationId`,
          field: `options.${other[0]}`,
        })
      }
      const call = { idempotent: true }
      const behind = after ?? (correlationId === undefined ? NEWEST : OLDEST)
      if (kind === undefined) return (await session.query(LIST, [behind, limit], call)).map(toInfo)
      const by = { hookId: LIST_OF_HOOK, hookType: LIST_OF_TYPE, correlationId: LIST_OF_CORRELATION }
      const list = by[kind[0] as keyof typeof by]
      return (await session.query(list, [behind, limit, kind[1]], call)).map(toInfo)
    },
    async statistics() {
      const [row] = await session.query(STATISTICS, [], { idempotent: true })
      if (row === undefined) throw new Error('memory.hook_statistics returned no row')
      return {
        executions: row.executions,
        hooks: row.hooks,
        modified: row.modified,
        sensitive: row.sensitive,
        meanDurationMs: row.mean_duration_ms,
        contextBytes: row.context_bytes,
        storedContextBytes: row.stored_context_bytes,
        oldestAt: row.oldest_at,
        newestAt: row.newest_at,
        byType: row.by_type ?? {},
        byOutcome: row.by_outcome ?? {},
      }
    },
    async applyRetention(retention = 'default', options = {}) {
      const { signal, ...rest } = options
      const chosen = check('retention', retentions, retention)
      const { days, extraDays, priorityFrom, executionsMin, executionsMax } =
        typeof chosen === 'string' ? HOOK_RETENTIONS[chosen] : chosen
      const { rowsMax } = check(
        'options',
        z.strictObject({ rowsMax: z.int().min(1).max(100_000).default(10_000) }),
        rest,
      )
      const values = [days, extraDays, priorityFrom, executionsMin, executionsMax, rowsMax]
      for (let total = 0; ; ) {
        const [row] = await session.query(APPLY_RETENTION, values, { idempotent: true, ...(signal && { signal }) })
        total += row?.deleted ?? 0
        if ((row?.deleted ?? 0) < rowsMax) return total
      }
    },
    archive: (before, options) => openArchive(session, before, options),
    confirmArchive: (id) => confirmArchive(session, id),
    archives: (options) => listArchives(session, options),
  }
}
