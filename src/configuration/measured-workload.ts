import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError } from '../errors.js'
import type { WorkloadKind } from './machine.js'
import type { Queryable } from './server-settings.js'

/** What a server does, as its statistics and a look at it tell. */
export interface MeasuredWorkload {
  /** Undefined when too little has happened to tell. */
  readonly kind: WorkloadKind | undefined
  /** By which figures it was told, one sentence each. */
  readonly evidence: readonly string[]
  /** WAL of a busy second: the larger of what was seen while looking and three times the mean; undefined on a standby. */
  readonly walBytesPerSecond: number | undefined
  /** Most sessions that were seen working at the same time. */
  readonly activeConnections: number
}

/** Of the whole server, since its statistics began. */
interface Totals {
  readonly transactions: number
  readonly returned: number
  readonly walBytes: number
  readonly walSeconds: number
  readonly indexScans: number
  readonly vectorScans: number
  readonly inRecovery: boolean
}

const TOTALS = `
  select (select coalesce(sum(d.xact_commit + d.xact_rollback), 0) from pg_stat_database d)::float8 as transactions,
    (select coalesce(sum(d.tup_returned), 0) from pg_stat_database d)::float8 as returned,
    w.wal_bytes::float8 as "walBytes",
    extract(epoch from clock_timestamp() - coalesce(w.stats_reset, pg_postmaster_start_time()))::float8 as "walSeconds",
    coalesce(i.scans, 0)::float8 as "indexScans", coalesce(i.vector, 0)::float8 as "vectorScans",
    pg_is_in_recovery() as "inRecovery"
  from pg_stat_wal w,
    (select sum(s.idx_scan) as scans, sum(s.idx_scan) filter (where m.amname in ('hnsw', 'ivfflat', 'vchordrq', 'vchordg', 'diskann')) as vector
      from pg_stat_user_indexes s join pg_class c on c.oid = s.indexrelid join pg_am m on m.oid = c.relam) i`

const ACTIVE = `
  select count(*)::int as active from pg_stat_activity a
  where a.backend_type = 'client backend' and a.state = 'active' and a.pid <> pg_backend_pid()`

/** The schema of the extension, quoted; no row where this database does not have it. */
const STATEMENTS_SCHEMA = `
  select quote_ident(n.nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  where e.extname = 'pg_stat_statements'`

const statementShares = (schema: string) => `
  select coalesce(sum(s.calls), 0)::float8 as calls, coalesce(sum(s.total_exec_time), 0)::float8 as total,
    coalesce(sum(s.total_exec_time) filter (where s.mean_exec_time >= ${LONG_MS}), 0)::float8 as long
  from ${schema}.pg_stat_statements s`

/** A statement is long from this mean on, in milliseconds. */
const LONG_MS = 500
/** Fewer transactions, or calls, tell nothing. */
const TRANSACTIONS_MIN = 1000
/** What the mean of a day is multiplied by where no busy second was seen. */
const PEAK = 3
/** Over less than this a mean is a matter of luck, in seconds. */
const WAL_SECONDS_MIN = 600
const TICK_MS = 250

/**
 * Reads the statistics twice, `sampleMs` apart, and counts the sessions that work meanwhile. Changes nothing, and reads no table.
 * Errors: ABORTED.
 */
export async function measureWorkload(
  connection: Queryable,
  { sampleMs, signal }: { readonly sampleMs: number; readonly signal: AbortSignal },
): Promise<MeasuredWorkload> {
  const before = await totals(connection)
  const started = performance.now()
  let activeConnections = 0
  do {
    if (signal.aborted)
      throw new FleetError('ABORTED', { message: 'interrupted while watching the server', cause: signal.reason })
    const { rows } = await connection.query<{ active: number }>(ACTIVE)
    activeConnections = Math.max(activeConnections, rows[0]?.active ?? 0)
    await sleep(Math.min(TICK_MS, sampleMs))
  } while (performance.now() - started < sampleMs)
  const after = await totals(connection)
  const seconds = (performance.now() - started) / 1000
  // Statistics that were reset in between count from the reset.
  const sampled = Math.max(0, after.walBytes - (after.walBytes < before.walBytes ? 0 : before.walBytes)) / seconds
  const mean = after.walSeconds < WAL_SECONDS_MIN ? 0 : after.walBytes / after.walSeconds
  const { kind, evidence } = await classify(connection, after)
  const peak = Math.max(sampled, PEAK * mean)
  return {
    kind,
    evidence,
    walBytesPerSecond: after.inRecovery || peak === 0 ? undefined : peak,
    activeConnections,
  }
}

async function totals(connection: Queryable): Promise<Totals> {
  const { rows } = await connection.query<Totals>(TOTALS)
  return rows[0] as Totals
}

/** Vectors first, then by the time that long statements take, else by rows a transaction. */
async function classify(connection: Queryable, { transactions, returned, indexScans, vectorScans }: Totals) {
  const share = (part: number, of: number) => (of === 0 ? 0 : part / of)
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`
  if (vectorScans >= 1000 && share(vectorScans, indexScans) >= 0.01) {
    const evidence = [`${percent(share(vectorScans, indexScans))} of all index scans search for near vectors`]
    return { kind: 'vectors' as const, evidence }
  }
  const statements = await statementsOf(connection)
  if (statements !== undefined && statements.calls >= TRANSACTIONS_MIN) {
    const long = share(statements.long, statements.total)
    const evidence = [
      `${percent(long)} of the time of all statements goes to those of ${LONG_MS} ms and more (pg_stat_statements)`,
    ]
    return {
      kind: long >= 0.5 ? ('analytics' as const) : long >= 0.1 ? ('mixed' as const) : ('oltp' as const),
      evidence,
    }
  }
  if (transactions < TRANSACTIONS_MIN) {
    return { kind: undefined, evidence: [`${transactions} transactions tell nothing yet`] }
  }
  const rows = share(returned, transactions)
  const evidence = [`${Math.round(rows)} rows are read in a transaction on average (pg_stat_database)`]
  return {
    kind: rows >= 100_000 ? ('analytics' as const) : rows >= 5000 ? ('mixed' as const) : ('oltp' as const),
    evidence,
  }
}

/** Undefined where the extension is not installed, not loaded, or not to be read. */
async function statementsOf(connection: Queryable) {
  const { rows } = await connection.query<{ schema: string }>(STATEMENTS_SCHEMA)
  const schema = rows[0]?.schema
  if (schema === undefined) return undefined
  try {
    const read = await connection.query<{ calls: number; total: number; long: number }>(statementShares(schema))
    return read.rows[0]
  } catch (error) {
    // 55000: its library is not loaded. 42501: the login may not read it.
    if (['55000', '42501'].includes((error as { code?: string }).code ?? '')) return undefined
    throw error
  }
}
