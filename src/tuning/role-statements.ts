import type { Bench, Reading } from './knob.js'

/** What a statement of a role has taken since its statistics began. */
export interface RoleStatement {
  readonly role: string
  readonly query: string
  readonly calls: number
  readonly milliseconds: number
  /** Blocks of temporary files that it wrote. */
  readonly temporary: number
  /** Whether it orders by the distance of vectors; false where texts were not asked for. */
  readonly isSearch: boolean
}

/** Where pg_stat_statements is; undefined where it is not, or does not count. */
export async function statementStatistics(bench: Bench): Promise<string | undefined> {
  const [row] = await bench.query<{ schema: string; preloaded: boolean }>(
    `select quote_ident(n.nspname) as schema, current_setting('pg_stat_statements.max', true) is not null as preloaded
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'`,
  )
  return row?.preloaded ? row.schema : undefined
}

/** What to say where there is none. */
export const NO_STATISTICS =
  'pg_stat_statements is not installed in this database, so nobody knows what statements take'

/** The statements of roles that log in, this login's aside; by role and query. */
export async function roleStatements(
  bench: Bench,
  schema: string,
  withTexts: boolean,
): Promise<Map<string, RoleStatement>> {
  const rows = await bench.query<RoleStatement>(
    `select r.rolname as role, s.queryid::text as query, sum(s.calls)::float8 as calls, sum(s.total_exec_time)::float8 as milliseconds,
      sum(s.temp_blks_written)::float8 as temporary,
      bool_or(coalesce(s.query ~ '(<->|<=>|<#>|<\\+>)' and s.query ~* 'order\\s+by', false)) as "isSearch"
    from ${schema}.pg_stat_statements($1) s
    join pg_roles r on r.oid = s.userid and r.rolcanlogin and r.rolname <> session_user
    where s.dbid = (select d.oid from pg_database d where d.datname = current_database()) and s.queryid is not null
    group by r.rolname, s.queryid`,
    [withTexts],
  )
  return new Map(rows.map((row) => [`${row.role} ${row.query}`, row]))
}

/** What grew between two looks, by role; statements that did not run are left out. */
export function grownByRole(
  from: ReadonlyMap<string, RoleStatement>,
  to: ReadonlyMap<string, RoleStatement>,
): Map<string, RoleStatement[]> {
  const byRole = new Map<string, RoleStatement[]>()
  for (const [key, now] of to) {
    const old = from.get(key)
    const grown = {
      ...now,
      calls: now.calls - (old?.calls ?? 0),
      milliseconds: now.milliseconds - (old?.milliseconds ?? 0),
      temporary: now.temporary - (old?.temporary ?? 0),
    }
    if (grown.calls > 0) byRole.set(now.role, [...(byRole.get(now.role) ?? []), grown])
  }
  return byRole
}

/**
 * Counters of a role's statements: of those that `reference` names as `cost:QUERY`, in milliseconds a call, the time they took and
 * the time that as many calls would have taken then (so that another mix of statements is not taken for a change), and of all others.
 */
export async function readStatements(bench: Bench, role: string, reference: Reading): Promise<Reading> {
  const schema = await statementStatistics(bench)
  if (schema === undefined) throw new Error(NO_STATISTICS)
  const reading = { calls: 0, spent: 0, expected: 0, temporary: 0, otherCalls: 0, otherSpent: 0 }
  for (const statement of (await roleStatements(bench, schema, false)).values()) {
    if (statement.role !== role) continue
    const cost = reference[`cost:${statement.query}`]
    if (cost === undefined) {
      reading.otherCalls += statement.calls
      reading.otherSpent += statement.milliseconds
      continue
    }
    reading.calls += statement.calls
    reading.spent += statement.milliseconds
    reading.expected += statement.calls * cost
    reading.temporary += statement.temporary
  }
  return reading
}

/** The reference of statements that grew: what a call of each cost. */
export function costsOf(statements: readonly RoleStatement[]): Reading {
  return Object.fromEntries(statements.map(({ query, calls, milliseconds }) => [`cost:${query}`, milliseconds / calls]))
}
