import type { Connection } from '../doctor/connection.js'
import { FleetError } from '../errors.js'

/** A statement of the workload. */
export interface WorkloadStatement {
  /** As pg_stat_statements has it, with parameters, or as the file has it. */
  readonly query: string
  /** How often it ran; undefined when a file does not tell. */
  readonly calls: number | undefined
  /** What all its runs took, in milliseconds; undefined when a file does not tell. */
  readonly milliseconds: number | undefined
  /** Rows that a run returned on average; undefined when nobody tells. */
  readonly rows?: number
  /** Who runs it: it is planned as them, so that their policies count. @default this login */
  readonly role?: string
  /** The foreign key whose check it stands for; undefined for what somebody wrote. */
  readonly foreignKey?: string
}

/** What is known of a workload. */
export interface Workload {
  readonly source: 'pg_stat_statements' | 'file'
  readonly statements: readonly WorkloadStatement[]
  /** Since when it was counted; undefined for a file. */
  readonly since: Date | undefined
  /** Statements that the login may not see, or that were called too seldom. */
  readonly hidden: number
  readonly seldom: number
}

/** What is taken of pg_stat_statements. */
export interface WorkloadLimits {
  /** Called less often: left out. */
  readonly minCalls: number
  /** So many, those that took the most time first. */
  readonly top: number
}

/** What has a plan, whole, of this database; what is ours is left out. `{schema}` is the extension's. */
const STATEMENTS = `
  select s.query, sum(s.calls)::float8 as calls, sum(s.total_exec_time) as milliseconds,
    sum(s.rows)::float8 / greatest(sum(s.calls), 1) as rows, pg_get_userbyid(s.userid) as role,
    s.query = '<insufficient privilege>' as hidden
  from {schema}.pg_stat_statements s
  where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
    and (s.query = '<insufficient privilege>' or s.query ~* '^\\s*(/\\*.*?\\*/\\s*|--[^\\n]*\\n\\s*)*(select|with|insert|update|delete|merge)'
      and s.query !~ '\\yas examined\\y' and s.query !~* '\\ypg_(catalog|class|stat_[a-z_]+|index)\\y' and length(s.query) < 20000)
  group by s.query, s.userid order by 3 desc`

/**
 * Reads the workload that pg_stat_statements has counted. Errors: DATABASE_UNEXAMINED where the extension is not installed or not
 * loaded.
 */
export async function readWorkload(
  connection: Connection,
  schema: string | undefined,
  { minCalls, top }: WorkloadLimits,
): Promise<Workload> {
  if (schema === undefined) throw uncounted('pg_stat_statements is not installed in this database')
  let rows: (WorkloadStatement & { calls: number; hidden: boolean })[]
  try {
    rows = await connection.query(STATEMENTS.replaceAll('{schema}', schema))
  } catch (error) {
    if ((error as { code?: string }).code !== '55000') throw error
    throw uncounted('pg_stat_statements is installed, and not loaded', error)
  }
  const [info] = await connection.query<{ since: Date | null }>(
    `select stats_reset as since from ${schema}.pg_stat_statements_info`,
  )
  const seen = rows.filter(({ hidden }) => !hidden)
  const often = seen.filter(({ calls }) => calls >= minCalls)
  return {
    source: 'pg_stat_statements',
    statements: often.slice(0, top).map(({ hidden: _, ...statement }) => statement),
    since: info?.since ?? undefined,
    hidden: rows.length - seen.length,
    seldom: seen.length - often.length,
  }
}

/** The error of a server that does not count statements. */
function uncounted(message: string, cause?: unknown): FleetError {
  return new FleetError('DATABASE_UNEXAMINED', {
    message: `there is no workload to look at: ${message}`,
    hint: "Give the statements with --workload FILE; or add pg_stat_statements to shared_preload_libraries, restart, and 'create extension pg_stat_statements' here.",
    cause,
  })
}
