import type { AlterTableCmd, ColumnDef, Constraint, Node, RangeVar } from 'libpg-query'
import { isExisting } from './existing.js'
import type { Fix, Surroundings } from './rule.js'
import type { Statement } from './sql/statement.js'
import { as, words } from './sql/tree.js'

/** One command of an ALTER TABLE on a table that is already there. */
export interface Alteration {
  readonly table: RangeVar
  readonly command: AlterTableCmd
  readonly column: ColumnDef | undefined
  readonly constraint: Constraint | undefined
  /** Offset of the command, as near as the parser tells. */
  readonly at: number | undefined
}

/** The commands of an ALTER TABLE that runs with its file, on a table that was there before. */
export function alterations(statement: Statement, { statements }: Surroundings): Alteration[] {
  const alter = statement.is('AlterTableStmt')
  if (alter === undefined || !statement.runsWithFile || alter.objtype !== 'OBJECT_TABLE') return []
  const table = alter.relation
  if (table === undefined || statement.routine?.dynamic === true || !isExisting(table, statement, statements)) return []
  return (alter.cmds ?? []).flatMap((each) => {
    const command = as(each, 'AlterTableCmd')
    if (command === undefined) return []
    const column = as(command.def, 'ColumnDef')
    const constraint = as(command.def, 'Constraint')
    return [{ table, command, column, constraint, at: column?.location ?? constraint?.location ?? table.location }]
  })
}

/** The table that was there before and that a statement locks against readers or writers; the first of several. */
export function lockedTable(statement: Statement, statements: readonly Statement[]): string | undefined {
  const alter = statement.is('AlterTableStmt')
  const validates = (alter?.cmds ?? []).every((each) => as(each, 'AlterTableCmd')?.subtype === 'AT_ValidateConstraint')
  const relation =
    (alter?.objtype === 'OBJECT_TABLE' && !validates ? alter.relation : undefined) ??
    statement.is('CreateTrigStmt')?.relation ??
    statement.is('CreatePolicyStmt')?.table ??
    statement.is('RenameStmt')?.relation
  if (relation !== undefined) return isExisting(relation, statement, statements) ? relation.relname : undefined
  const drop = statement.is('DropStmt')
  if (drop?.removeType !== 'OBJECT_TABLE') return undefined
  for (const each of drop.objects ?? []) {
    const [relname, schemaname] = words(as(each, 'List')?.items).reverse()
    if (relname !== undefined && isExisting({ relname, ...(schemaname && { schemaname }) }, statement, statements))
      return relname
  }
  return undefined
}

/** A column's constraint of a kind. */
export function constraintOf(column: ColumnDef | undefined, kind: Constraint['contype']): Constraint | undefined {
  return (column?.constraints ?? []).map((each: Node) => as(each, 'Constraint')).find((each) => each?.contype === kind)
}

/** True for a file that undoes another: what it drops is what it is for. */
export function isUndo(path: string): boolean {
  return /([._-](down|undo|rollback|revert)\.sql|(^|[/\\])(down|U\d[^/\\]*)\.sql)$/i.test(path)
}

/** The fix that puts CONCURRENTLY behind the words at the start of a statement; none inside a transaction, which forbids it. */
export function concurrently(statement: Statement, words: RegExp): { fix?: Fix } {
  if (statement.transaction !== 'outside' || statement.routine !== undefined) return {}
  const [found] = words.exec(statement.source.text.slice(statement.start, statement.end)) ?? []
  if (found === undefined) return {}
  const at = statement.start + found.length
  return { fix: { start: at, end: at, text: /[a-z]$/.test(found) ? ' concurrently' : ' CONCURRENTLY' } }
}
