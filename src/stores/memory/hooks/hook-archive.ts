import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { check } from '../../../input.js'
import { type HookExecution, type HookExecutionRow, INFO_COLUMNS, toExecution } from './hook-execution.js'

/** What is written out. */
export interface HookArchiveOptions {
  /** Only executions up to this priority, 0 to 10. @default 10, all */
  readonly priorityMax?: number
  /** How many are read at a time, 1 to 10000. @default 500 */
  readonly pageSize?: number
  readonly signal?: AbortSignal
}

/**
 * Executions on their way out. Read it to its end (either way), store what it gave, then confirm: only that deletes, and
 * exactly what was given. Whatever breaks before loses nothing: what was not confirmed is given again by the next archive.
 */
export interface HookArchive extends AsyncIterable<HookExecution> {
  /** The receipt: `hooks.confirmArchive(id)` confirms it later, from another process too. */
  readonly id: string
  /** The executions as lines of JSON, each with its line feed, for a file or an object store. */
  jsonLines(): AsyncIterable<string>
  /** Deletes what was written out; how many. Errors: ARCHIVE_UNKNOWN, ARCHIVE_INCOMPLETE. */
  confirm(): Promise<number>
}

/** An archive as it is remembered. */
export interface HookArchiveReceipt {
  readonly id: string
  readonly before: Date
  readonly priorityMax: number
  /** Executions written out. */
  readonly executionCount: number
  /** Those that the confirmation deleted: fewer when a later archive gave some of them again. */
  readonly deletedCount: number
  readonly startedAt: Date
  /** Null until it was read to its end. */
  readonly completedAt: Date | null
  readonly confirmedAt: Date | null
}

const START = statement<unknown>(
  'memory.start_hook_archive',
  `insert into memory.hook_archives (tenant_id, archive_id, before, priority_max)
  values (current_setting('pgfleet.tenant'), $1::uuid, $2::timestamptz, $3::integer)
  on conflict (tenant_id, archive_id) do update set completed_at = null
  where hook_archives.confirmed_at is null`,
)

/** Marks what it gives, so that the confirmation deletes this and nothing that was recorded meanwhile. */
const PAGE = statement<HookExecutionRow>(
  'memory.archive_hook_executions',
  `with page as (
    select e.execution_id from memory.hook_executions e
    where e.tenant_id = current_setting('pgfleet.tenant') and e.execution_id > $2::uuid
      and e.execution_id < platform.uuid_floor($3::timestamptz) and e.priority <= $4::integer
    order by e.execution_id
    limit $5::integer
    for update
  ),
  given as (
    update memory.hook_executions e
    set archive_id = $1::uuid
    from page p
    where e.tenant_id = current_setting('pgfleet.tenant') and e.execution_id = p.execution_id
    returning e.*
  )
  select ${INFO_COLUMNS}, e.context_codec, e.context from given e order by e.execution_id`,
)

const COMPLETE = statement<unknown>(
  'memory.complete_hook_archive',
  `update memory.hook_archives a
  set completed_at = now(), execution_count = $2::bigint
  where a.tenant_id = current_setting('pgfleet.tenant') and a.archive_id = $1::uuid and a.confirmed_at is null`,
)

const CONFIRM = statement<{ completed: boolean; confirmed: boolean; deleted: number; deleted_count: number }>(
  'memory.confirm_hook_archive',
  `with receipt as (
    select a.archive_id, a.before, a.completed_at, a.confirmed_at, a.deleted_count from memory.hook_archives a
    where a.tenant_id = current_setting('pgfleet.tenant') and a.archive_id = $1::uuid
    for update
  ),
  page as (
    select e.execution_id from memory.hook_executions e
    where e.tenant_id = current_setting('pgfleet.tenant') and e.archive_id = $1::uuid
      and e.execution_id < (select platform.uuid_floor(r.before) from receipt r where r.completed_at is not null)
    order by e.execution_id
    limit $2::integer
  ),
  gone as (
    delete from memory.hook_executions e using page p
    where e.tenant_id = current_setting('pgfleet.tenant') and e.execution_id = p.execution_id and e.archive_id = $1::uuid
    returning e.execution_id
  ),
  counted as (
    update memory.hook_archives a
    set deleted_count = a.deleted_count + (select count(*) from gone),
      confirmed_at = case when (select count(*) from page) < $2::integer then coalesce(a.confirmed_at, now()) end
    from receipt r
    where a.tenant_id = current_setting('pgfleet.tenant') and a.archive_id = r.archive_id and r.completed_at is not null
    returning a.deleted_count, a.confirmed_at
  )
  select r.completed_at is not null as completed, coalesce(c.confirmed_at, r.confirmed_at) is not null as confirmed,
    (select count(*) from gone) as deleted, coalesce(c.deleted_count, 0) as deleted_count
  from receipt r
  left join counted c on true`,
)

const RECEIPTS = readStatement<{
  archive_id: string
  before: Date
  priority_max: number
  execution_count: number
  deleted_count: number
  started_at: Date
  completed_at: Date | null
  confirmed_at: Date | null
}>(
  'memory.list_hook_archives',
  `select a.archive_id, a.before, a.priority_max, a.execution_count, a.deleted_count, a.started_at, a.completed_at, a.confirmed_at
  from memory.hook_archives a
  where a.tenant_id = current_setting('pgfleet.tenant') and a.archive_id < $1::uuid
  order by a.archive_id desc
  limit $2::integer`,
)

export const HOOK_ARCHIVE_STATEMENTS: readonly Statement<unknown>[] = [START, PAGE, COMPLETE, CONFIRM, RECEIPTS]

const options = z.strictObject({
  priorityMax: z.int().min(0).max(10).default(10),
  pageSize: z.int().min(1).max(10_000).default(500),
})
const listOptions = z.strictObject({
  after: z.uuid().default('ffffffff-ffff-ffff-ffff-ffffffffffff'),
  limit: z.int().min(1).max(10_000).default(100),
})
const CONFIRM_ROWS = 5000

/** Executions recorded before a time, to be written out. Nothing is read or marked until it is iterated. */
export function openArchive(session: Session, before: Date, input: HookArchiveOptions = {}): HookArchive {
  const { signal, ...rest } = input
  const until = check('before', z.date().min(new Date(0)), before)
  const { priorityMax, pageSize } = check('options', options, rest)
  const id = uuidv7()
  const call = { idempotent: true, ...(signal && { signal }) }
  async function* read(): AsyncGenerator<HookExecution> {
    await session.query(START, [id, until, priorityMax], call)
    let count = 0
    for (let last = '00000000-0000-0000-0000-000000000000'; ; ) {
      const rows = await session.query(PAGE, [id, last, until, priorityMax, pageSize], call)
      for (const row of rows) yield await toExecution(row)
      count += rows.length
      last = rows.at(-1)?.execution_id ?? last
      if (rows.length < pageSize) break
    }
    await session.query(COMPLETE, [id, count], call)
  }
  return {
    id,
    [Symbol.asyncIterator]: read,
    async *jsonLines() {
      for await (const execution of read()) yield `${JSON.stringify(execution)}\n`
    },
    confirm: () => confirmArchive(session, id),
  }
}

/** Deletes what an archive wrote out, in steps; repeated it goes on. Errors: INPUT_INVALID, ARCHIVE_UNKNOWN, ARCHIVE_INCOMPLETE. */
export async function confirmArchive(session: Session, input: string): Promise<number> {
  const id = check('id', z.uuid(), input)
  for (;;) {
    const [row] = await session.query(CONFIRM, [id, CONFIRM_ROWS], { idempotent: true })
    if (row === undefined)
      throw new FleetError('ARCHIVE_UNKNOWN', { message: `there is no archive ${id}`, field: 'id' })
    if (!row.completed) {
      throw new FleetError('ARCHIVE_INCOMPLETE', { message: `archive ${id} was not read to its end`, field: 'id' })
    }
    if (row.confirmed) return row.deleted_count
  }
}

/** Archives, the newest first. */
export async function listArchives(
  session: Session,
  input: { after?: string; limit?: number } = {},
): Promise<HookArchiveReceipt[]> {
  const { after, limit } = check('options', listOptions, input)
  return (await session.query(RECEIPTS, [after, limit], { idempotent: true })).map((row) => ({
    id: row.archive_id,
    before: row.before,
    priorityMax: row.priority_max,
    executionCount: row.execution_count,
    deletedCount: row.deleted_count,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    confirmedAt: row.confirmed_at,
  }))
}
