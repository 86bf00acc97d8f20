import type { Connection } from '../database/connections.js'
import { FleetError } from '../errors.js'
import { parse } from '../lint/sql/parser.js'
import type { Plan } from './plan.js'
import { readJson } from './readers/json.js'

/** How a statement is explained. */
export interface RunOptions {
  /** Runs it, in a transaction that is rolled back. @default false */
  readonly analyze?: boolean
  /** Lets it write while it runs; without it the transaction is read only. @default false */
  readonly write?: boolean
  /** Milliseconds after which the server ends it. @default 60000 */
  readonly timeoutMs?: number
}

/** What EXPLAIN takes. */
const EXPLAINED =
  /^(SelectStmt|InsertStmt|UpdateStmt|DeleteStmt|MergeStmt|ExecuteStmt|CreateTableAsStmt|RefreshMatViewStmt|DeclareCursorStmt)$/

/** Explains one statement on a connection. The parser must be loaded. Errors: INPUT_INVALID for what is not one statement; those of the server. */
export async function explain(connection: Connection, sql: string, options: RunOptions = {}): Promise<Plan> {
  const { analyze = false, write = false, timeoutMs = 60_000 } = options
  const statement = statementOf(sql)
  const parameters = Math.max(0, ...[...statement.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
  const { rows: versions } = await connection.query<{ major: number }>(
    `select current_setting('server_version_num')::integer / 10000 as major`,
  )
  const isGeneric = parameters > 0
  if (isGeneric && (analyze || (versions[0]?.major ?? 0) < 16)) {
    throw new FleetError('INPUT_INVALID', {
      message: analyze ? 'a statement with parameters cannot be run' : 'parameters are explained from PostgreSQL 16 on',
      field: 'sql',
      hint: 'Put values in the place of $1, $2 and so on.',
    })
  }
  const words = [
    'format json',
    'settings',
    'verbose off',
    ...(analyze ? ['analyze', 'buffers', 'wal'] : []),
    ...(isGeneric ? ['generic_plan'] : []),
  ]
  await connection.query(write ? 'begin' : 'begin transaction read only')
  try {
    await connection.query(`set local statement_timeout = ${Math.trunc(timeoutMs)}`)
    await connection.query("set local lock_timeout = '5s'")
    const { rows } = await connection.query<{ 'QUERY PLAN': unknown }>(`explain (${words.join(', ')}) ${statement}`)
    return readJson(rows[0]?.['QUERY PLAN'], statement)
  } finally {
    await connection.query('rollback').catch(() => {})
  }
}

/** The one statement of the text. The parser sees to it that nothing comes behind it, a COMMIT least of all. */
function statementOf(sql: string): string {
  const parsed = parse(sql)
  if ('problem' in parsed) {
    throw new FleetError('INPUT_INVALID', {
      message: `${parsed.problem.message}, character ${parsed.problem.offset + 1}`,
      field: 'sql',
    })
  }
  const [only, ...others] = parsed.statements
  if (only === undefined || others.length > 0) {
    throw new FleetError('INPUT_INVALID', {
      message: `one statement is expected, got ${parsed.statements.length}`,
      field: 'sql',
    })
  }
  if (!EXPLAINED.test(only.kind)) {
    throw new FleetError('INPUT_INVALID', {
      message: 'EXPLAIN takes SELECT, INSERT, UPDATE, DELETE, MERGE and their like',
      field: 'sql',
    })
  }
  return sql.slice(only.start, only.end)
}
