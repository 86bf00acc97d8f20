import { z } from 'zod'
import { type Statement, statement } from '../database/statement.js'
import { check, text } from '../input.js'
import type { Operator } from './operator.js'
import type { Done } from './run-report.js'

/** How a run ended: `interrupted` was stopped, or its process was lost; `skipped` does not apply here. */
export type RunOutcome = 'ok' | 'failed' | 'interrupted' | 'skipped'

/** The record of a run. */
export interface MaintenanceRun {
  /** A UUIDv7: ids grow with time. */
  readonly id: string
  readonly service: string
  /** The process that ran it: host, process id, and an id of its own. */
  readonly leader: string
  readonly dryRun: boolean
  readonly startedAt: Date
  /** Null while it runs. */
  readonly endedAt: Date | null
  /** Null while it runs. */
  readonly outcome: RunOutcome | null
  /** While it runs: so far. */
  readonly done: Done
  /** The first error of a run that failed, or why it was interrupted. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Which runs. */
export interface RunsOptions {
  /** Only of this service. @default all */
  readonly service?: string
  /** Most runs, 1 to 10,000. @default 100 */
  readonly limit?: number
  /** Only those before the run with this id: the last of the page before. */
  readonly after?: string
}

interface Row {
  readonly run_id: string
  readonly service: string
  readonly leader: string
  readonly is_dry_run: boolean
  readonly started_at: Date
  readonly ended_at: Date | null
  readonly outcome: RunOutcome | null
  readonly done: Partial<Done>
  readonly error_code: string | null
  readonly error_message: string | null
}

const LIST = statement<Row>(
  'platform.list_maintenance_runs',
  `select r.run_id, r.service, r.leader, r.is_dry_run, r.started_at, r.ended_at, r.outcome, r.done, r.error_code, r.error_message
  from platform.maintenance_runs r
  where ($1::text is null or r.service = $1::text) and ($2::uuid is null or r.run_id < $2::uuid)
  order by r.run_id desc
  limit $3::integer`,
)
const GET = statement<Row>(
  'platform.get_maintenance_run',
  `select r.run_id, r.service, r.leader, r.is_dry_run, r.started_at, r.ended_at, r.outcome, r.done, r.error_code, r.error_message
  from platform.maintenance_runs r
  where r.run_id = $1::uuid`,
)

export const RUN_STATEMENTS: readonly Statement<unknown>[] = [LIST, GET]

const options = z.strictObject({
  service: text(1, 100).optional(),
  limit: z.int().min(1).max(10_000).default(100),
  after: z.uuid().optional(),
})

/** The newest runs first. Errors: INPUT_INVALID, PERMISSION_DENIED. */
export async function listRuns(operator: Operator, input: RunsOptions = {}): Promise<MaintenanceRun[]> {
  const { service, limit, after } = check('options', options, input)
  return (await operator.run(LIST, [service ?? null, after ?? null, limit])).map(runOf)
}

/** The run with this id. */
export async function getRun(operator: Operator, id: string): Promise<MaintenanceRun> {
  const [row] = await operator.run(GET, [id])
  if (row === undefined) throw new Error(`there is no run ${id}`)
  return runOf(row)
}

function runOf(row: Row): MaintenanceRun {
  const { counts = {}, items = [], failures = 0, more = false, skipped } = row.done
  return {
    id: row.run_id,
    service: row.service,
    leader: row.leader,
    dryRun: row.is_dry_run,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    outcome: row.outcome,
    done: { counts, items, failures, more, ...(skipped === undefined ? {} : { skipped }) },
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
  }
}
