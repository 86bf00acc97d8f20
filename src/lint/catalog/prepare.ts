import type { Connection } from '../../database/connections.js'
import type { Document } from '../document.js'
import type { Statement } from '../sql/statement.js'
import { as, lastWord } from '../sql/tree.js'

/** A statement that the server refuses to prepare. */
export interface Refusal {
  readonly statement: Statement
  readonly message: string
  /** Offset in the source, where the server tells one. */
  readonly at: number | undefined
}

/** Asks the server whether it takes a statement; undefined when it does. */
export type Prepare = (
  sql: string,
) => Promise<{ message: string; code: string; position: number | undefined } | undefined>

const PREPARED = /^(SelectStmt|InsertStmt|UpdateStmt|DeleteStmt|MergeStmt)$/
/** Missing schema, table, column, function, operator, type; ambiguous names; types that do not fit. */
const CODES = /^(3F000|42P01|42703|42883|42704|42702|42725|42804|42P08|42P18|42809|42P10|42803|22P02)$/

/** Prepares on a connection, inside a transaction that is rolled back: nothing runs. */
export function preparing(connection: Connection): Prepare {
  return async (sql) => {
    await connection.query('savepoint pgfleet_lint')
    try {
      await connection.query(`prepare pgfleet_lint as ${sql}`)
      await connection.query('deallocate pgfleet_lint')
      return undefined
    } catch (error) {
      const { message, code = '', position } = error as Error & { code?: string; position?: string }
      // Without a code it was the connection that failed.
      if (code === '') throw error
      return {
        message,
        code,
        position: position === undefined ? undefined : Number(position) - 1 - 'prepare pgfleet_lint as '.length,
      }
    } finally {
      await connection.query('rollback to savepoint pgfleet_lint')
    }
  }
}

/**
 * The statements of a file or program that the server refuses. Those of migrations and bodies are left out, for they meet
 * another state of the schema; so is what names something that the files themselves create.
 */
export async function refusedStatements(
  { source, statements }: Document,
  made: ReadonlySet<string>,
  prepare: Prepare,
  signal?: AbortSignal,
): Promise<Refusal[]> {
  const refusals: Refusal[] = []
  for (const statement of statements) {
    if (!PREPARED.test(statement.kind) || statement.routine !== undefined || statement.migration) continue
    if (statement.composed) continue
    // A name that the program fills in is no name of the database.
    if (/\bhole_\d+\b/.test(statement.sql)) continue
    signal?.throwIfAborted()
    const refused = await prepare(statement.sql)
    if (refused === undefined || !CODES.test(refused.code)) continue
    const named = [...refused.message.matchAll(/[\w$]+/g)].map(([word]) => word.toLowerCase())
    if (named.some((word) => made.has(word))) continue
    const isVerbatim = source.text.startsWith(statement.sql, statement.start)
    const at = isVerbatim && refused.position !== undefined ? statement.start + refused.position : statement.start
    refusals.push({ statement, message: refused.message, at })
  }
  return refusals
}

/** Names of what a file creates, in lower case: a database need not have it yet. */
export function namesMade({ source, statements }: Document): string[] {
  if (source.kind !== 'sql') return []
  return statements.flatMap((statement) => {
    const create = statement.is('CreateStmt')
    const relation = create?.relation ?? statement.is('ViewStmt')?.view ?? statement.is('CreateTableAsStmt')?.into?.rel
    const added = (statement.is('AlterTableStmt')?.cmds ?? []).map(
      (each) => as(as(each, 'AlterTableCmd')?.def, 'ColumnDef')?.colname,
    )
    const columns = create === undefined ? [] : statement.all('ColumnDef').map(({ node }) => node.colname)
    const names = [
      relation?.relname,
      statement.is('CreateSchemaStmt')?.schemaname,
      lastWord(statement.is('CreateFunctionStmt')?.funcname),
      statement.is('RenameStmt')?.newname,
      ...added,
      ...columns,
    ]
    return names.flatMap((name) => (name === undefined || name === '' ? [] : [name.toLowerCase()]))
  })
}
