import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Database } from '../database/database.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError } from '../errors.js'
import { newId } from '../id.js'
import { check, text } from '../input.js'
import { runAsOwner } from './as-owner.js'
import { assertTenantId } from './tenant-id.js'

/** How a tenant is erased. */
export interface EraseOptions {
  /** Why, 1 to 1000 characters; stays in the receipt, so it names no person. */
  readonly reason: string
  /** Who orders it, 1 to 200 characters. */
  readonly by: string
  /** Counts what would be removed, and changes nothing. Reads all of the tenant's keys. @default false */
  readonly dryRun?: boolean
  /** Most rows that one step removes, 1 to 100,000; steps that take long become smaller by themselves. @default 10000 */
  readonly rowsMax?: number
  /** Longest wait for transactions that were under way when the erasure began, in milliseconds. @default 60000 */
  readonly waitMs?: number
  /** Stops between two steps; a later call goes on. */
  readonly signal?: AbortSignal
  /** Told after each step. */
  readonly onProgress?: (progress: EraseProgress) => void
}

/** How far an erasure has come. */
export interface EraseProgress {
  readonly tenant: string
  /** The table or partition that the step was for. */
  readonly table: string
  /** Rows removed by this call so far. */
  readonly rows: number
}

/** The receipt of an erasure. */
export interface Erasure {
  readonly tenant: string
  /** Null for a dry run. */
  readonly erasureId: string | null
  readonly reason: string
  readonly by: string
  /** Null for a dry run. */
  readonly startedAt: Date | null
  /** When the last row was gone; null for a dry run, and for one that is not at its end. */
  readonly finishedAt: Date | null
  /** When a tenant of the same id was made again on purpose; null while the id is refused. */
  readonly reusedAt: Date | null
  /** The last seal of the tenant's audit log, the hash in hex: the head of a chain that is gone; null when nothing was sealed. */
  readonly auditHead: { readonly seal: number; readonly hash: string } | null
  /** Rows removed, by table; partitions count for their table. */
  readonly tables: Readonly<Record<string, number>>
  /** The sum of `tables`. */
  readonly rows: number
}

interface ErasureRow {
  tenant_id: string
  erasure_id: string
  reason: string
  erased_by: string
  started_at: Date
  finished_at: Date | null
  reused_at: Date | null
  seal_number: number | null
  seal_hash: Buffer | null
  row_counts: Record<string, number>
}

const BEGIN = statement<{ erasure_id: string; is_new: boolean }>(
  'platform.begin_erasure',
  'select b.erasure_id, b.is_new from platform.begin_erasure($1::text, $2::uuid, $3::text, $4::text) b',
)

// Whoever has entered a tenant holds this lock until the end of its transaction.
const ENTERED = statement<{ virtual_transaction: string }>(
  'platform.entered_transactions',
  `select distinct l.virtualtransaction as virtual_transaction
  from pg_catalog.pg_locks l
  where l.relation = 'platform.tenants'::regclass and l.granted
    and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
    and l.pid <> pg_catalog.pg_backend_pid()
    and ($1::text[] is null or l.virtualtransaction = any ($1::text[]))`,
)

const TABLES = statement<{ table_name: string }>(
  'platform.tenant_tables',
  'select t.table_name from platform.tenant_tables() t',
)

const COUNT = statement<{ root_name: string; row_count: number }>(
  'platform.count_tenant_rows',
  `select c.root_name, sum(c.row_count)::bigint as row_count
  from platform.count_tenant_rows($1::text) c
  group by c.root_name
  order by c.root_name`,
)

const REFUSE_HELD = statement<{ is_held: boolean; is_there: boolean }>(
  'platform.refuse_held',
  `select platform.is_held($1::text) as is_held, exists (select from platform.tenants t where t.tenant_id = $1::text) as is_there`,
)

const ERASE_ROWS = statement<{ removed: number; last_key: unknown }>(
  'platform.erase_rows',
  'select e.removed, e.last_key from platform.erase_rows($1::text, $2::uuid, $3::text, $4::integer, $5::jsonb) e',
)

const FINISH = statement<{ table_name: string }>(
  'platform.finish_erasure',
  'select f.table_name from platform.finish_erasure($1::text, $2::uuid) as f(table_name)',
)

const READ = statement<ErasureRow>(
  'platform.read_erasures',
  `select e.tenant_id, e.erasure_id, e.reason, e.erased_by, e.started_at, e.finished_at, e.reused_at, e.seal_number, e.seal_hash, e.row_counts
  from platform.erasures e
  where (e.tenant_id, e.erasure_id) > ($1::text, $2::uuid)
    and ($3::text is null or e.tenant_id = $3::text) and ($4::uuid is null or e.erasure_id = $4::uuid)
  order by e.tenant_id, e.erasure_id
  limit $5::integer`,
)

/** Every statement of this file, for the test that prepares them all. */
export const ERASURE_STATEMENTS: readonly Statement<unknown>[] = [
  BEGIN,
  ENTERED,
  TABLES,
  COUNT,
  REFUSE_HELD,
  ERASE_ROWS,
  FINISH,
  READ,
]

/** Before every id: where a walk over all of them begins. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

const eraseOptions = z.strictObject({
  reason: text(1, 1000),
  by: text(1, 200),
  dryRun: z.boolean().default(false),
  rowsMax: z.int().min(1).max(100_000).default(10_000),
  waitMs: z.int().min(0).max(86_400_000).default(60_000),
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z.custom<(progress: EraseProgress) => void>((value) => typeof value === 'function').optional(),
})

/** What all who erase step by step may say. */
export const eraseSteps = eraseOptions.pick({ rowsMax: true, waitMs: true, signal: true, onProgress: true })

/** What the steps of an erasure need of its options. */
export type EraseSteps = z.output<typeof eraseSteps>

/** Erases a tenant: see `Erasures.erase`. */
export async function eraseTenant(database: Database, id: string, options: EraseOptions): Promise<Erasure> {
  assertTenantId(id)
  const { reason, by, dryRun, ...steps } = check('options', eraseOptions, options)
  assertRuns(steps.signal, 'nothing was erased')
  if (dryRun) return await previewErasure(database, id, reason, by)
  const [begun] = await runAsOwner(database, BEGIN, [id, newId(), reason, by])
  const { erasure_id } = begun as { erasure_id: string }
  return await continueErasure(database, id, erasure_id, steps)
}

/** Takes an erasure that has begun to its end. What cleans up after an import leaves no receipt: then the rows of this call are told. */
export async function continueErasure(
  database: Database,
  id: string,
  erasureId: string,
  steps: EraseSteps,
): Promise<Erasure> {
  await waitForEntered(database, steps)
  return await emptyTenant(database, id, erasureId, steps)
}

/** Removes what an import wrote that did not come to its end. Nobody has ever entered the tenant, so nobody is waited for. */
export async function eraseImport(database: Database, id: string): Promise<void> {
  const order = [id, newId(), 'its import did not come to its end', 'import']
  const [begun] = await runAsOwner(database, BEGIN, order)
  await emptyTenant(database, id, (begun as { erasure_id: string }).erasure_id, eraseSteps.parse({}))
}

async function emptyTenant(database: Database, id: string, erasureId: string, steps: EraseSteps): Promise<Erasure> {
  let rows = 0
  const tables = await runAsOwner(database, TABLES, [])
  let left = tables.map((table) => table.table_name)
  // Nobody enters the tenant any more, so one round empties it; another follows when a restore came in between.
  for (let round = 1; left.length > 0; round++) {
    if (round > ROUNDS_MAX) {
      throw new FleetError('CONFLICT', { message: `rows of tenant '${id}' keep coming into ${left.join(', ')}` })
    }
    for (const table of left) {
      await emptyTable(database, id, erasureId, table, steps, (removed) => {
        rows += removed
        steps.onProgress?.({ tenant: id, table, rows })
      })
    }
    left = await finish(database, id, erasureId, steps)
  }
  const [receipt] = await runAsOwner(database, READ, ['', LOWEST_ID, id, erasureId, 1])
  return receipt === undefined
    ? { ...NOTHING, tenant: id, erasureId, finishedAt: new Date(), rows }
    : toErasure(receipt)
}

/** The receipts behind a place, by tenant and then by age. */
export async function readErasures(
  database: Database,
  place: readonly [tenant: string, erasureId: string],
  tenant: string | null,
  limit: number,
): Promise<Erasure[]> {
  const rows = await runAsOwner(database, READ, [...place, tenant, null, limit])
  return rows.map(toErasure)
}

const ROUNDS_MAX = 5
const NOTHING = { reason: '', by: '', startedAt: null, reusedAt: null, auditHead: null, tables: {} }

async function previewErasure(database: Database, id: string, reason: string, by: string): Promise<Erasure> {
  const [found] = await runAsOwner(database, REFUSE_HELD, [id])
  if (!found?.is_there) throw new FleetError('TENANT_UNKNOWN', { message: `there is no tenant '${id}'` })
  if (found.is_held) throw new FleetError('TENANT_HELD', { message: `a legal hold on tenant '${id}' stands` })
  const counts = await runAsOwner(database, COUNT, [id])
  const tables = Object.fromEntries(counts.map(({ root_name, row_count }) => [root_name, row_count]))
  return { ...NOTHING, tenant: id, erasureId: null, reason, by, finishedAt: null, tables, rows: total(tables) }
}

/** Those who had entered a tenant before it was marked may still write: they are waited for. */
async function waitForEntered(database: Database, { waitMs, signal }: EraseSteps): Promise<void> {
  const deadline = Date.now() + waitMs
  let entered: string[] | null = null
  for (;;) {
    const found: { virtual_transaction: string }[] = await database.run(ENTERED, [entered], { idempotent: true })
    if (found.length === 0) return
    entered = found.map(({ virtual_transaction }) => virtual_transaction)
    if (Date.now() > deadline) {
      throw new FleetError('TIMEOUT', {
        message: `${entered.length} transactions that began before the erasure were not at their end after ${waitMs} ms; call again to go on`,
      })
    }
    await sleep(20)
    assertRuns(signal, 'the erasure has begun; call again to go on')
  }
}

/** Removes all rows from one table, step by step. */
async function emptyTable(
  database: Database,
  id: string,
  erasureId: string,
  table: string,
  { rowsMax, signal }: EraseSteps,
  onStep: (removed: number) => void,
): Promise<void> {
  let size = Math.min(rowsMax, STEP_ROWS_FIRST)
  for (let after: unknown = null; ; ) {
    assertRuns(signal, 'the erasure has begun; call again to go on')
    const from = performance.now()
    const values = [id, erasureId, table, size, after === null ? null : JSON.stringify(after)]
    const [step] = await runAsOwner(database, ERASE_ROWS, values)
    const { removed, last_key } = step as { removed: number; last_key: unknown }
    onStep(removed)
    if (last_key === null) return
    after = last_key
    const took = performance.now() - from
    if (took < STEP_MS_LOW) size = Math.min(rowsMax, size * 2)
    else if (took > STEP_MS_HIGH) size = Math.max(1, size >> 1)
  }
}

/** Rows of the first step of a table, and between which durations a step keeps its size. */
const STEP_ROWS_FIRST = 1000
const STEP_MS_LOW = 250
const STEP_MS_HIGH = 1000

async function finish(database: Database, id: string, erasureId: string, { signal }: EraseSteps): Promise<string[]> {
  assertRuns(signal, 'the erasure has begun; call again to go on')
  const left = await runAsOwner(database, FINISH, [id, erasureId])
  return left.map((table) => table.table_name)
}

function assertRuns(signal: AbortSignal | undefined, state: string): void {
  if (signal?.aborted) throw new FleetError('ABORTED', { message: `aborted: ${state}`, cause: signal.reason })
}

function total(tables: Readonly<Record<string, number>>): number {
  return Object.values(tables).reduce((sum, rows) => sum + rows, 0)
}

function toErasure(row: ErasureRow): Erasure {
  return {
    tenant: row.tenant_id,
    erasureId: row.erasure_id,
    reason: row.reason,
    by: row.erased_by,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    reusedAt: row.reused_at,
    auditHead:
      row.seal_number === null || row.seal_hash === null
        ? null
        : { seal: row.seal_number, hash: row.seal_hash.toString('hex') },
    tables: Object.fromEntries(Object.entries(row.row_counts).sort(([a], [b]) => (a < b ? -1 : 1))),
    rows: total(row.row_counts),
  }
}
