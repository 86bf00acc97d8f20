import type { Node, RangeVar } from 'libpg-query'
import { isExisting } from '../../existing.js'
import { isUndo, lockedTable } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import type { Statement } from '../../sql/statement.js'
import { as } from '../../sql/tree.js'

export const workUnderLock: StatementRule = {
  on: 'sql',
  id: 'work-under-lock',
  level: 'warning',
  summary:
    'A statement that takes its time, or waits for a second table, behind one that locks a table in the same transaction.',
  why: 'A lock is held until the commit: others wait for the table during all that comes behind the ALTER TABLE, be it about another table.',
  remedy: 'Do what takes time in a migration of its own, before or after; lock one existing table in each.',
  *check(statement, { statements }) {
    if (statement.transaction !== 'inside' || !statement.migration || statement.routine !== undefined) return
    const held = statements.find((other) => isBefore(other, statement) && heldTable(other, statements) !== undefined)
    const locked = held && heldTable(held, statements)
    if (locked === undefined) return
    const slow = slowTable(statement, statements)
    // Of the same table other rules tell, and what is better.
    if (slow !== undefined && slow.relname !== locked) {
      yield { at: slow.location, message: `${locked} stays locked while rows of ${slow.relname} are read or written` }
      return
    }
    const second = heldTable(statement, statements)
    // What undoes a migration drops several tables; that is what it is for.
    if (second === undefined || second === locked || isUndo(statement.source.path)) return
    // Once for each table that is waited for.
    if (statements.some((other) => isBefore(other, statement) && heldTable(other, statements) === second)) return
    yield { level: 'info', message: `${locked} stays locked while this waits for ${second}` }
  },
}

/** Commands of ALTER TABLE that leave readers and writers alone. */
const HARMLESS =
  /^AT_(SetRelOptions|ResetRelOptions|SetStatistics|SetOptions|ResetOptions|AttachPartition|ClusterOn|DropCluster)$/

/** The existing table that a statement locks against readers or writers. */
function heldTable(statement: Statement, statements: readonly Statement[]): string | undefined {
  const commands = statement.is('AlterTableStmt')?.cmds ?? []
  const isHarmless =
    commands.length > 0 && commands.every((each) => HARMLESS.test(as(each, 'AlterTableCmd')?.subtype ?? ''))
  return isHarmless ? undefined : lockedTable(statement, statements)
}

const isBefore = (other: Statement, statement: Statement) =>
  other.start < statement.start && other.routine === undefined && other.transaction === 'inside'

/** The existing table whose rows a statement goes through: not one row by its key, and no rows that stand in it. */
function slowTable(statement: Statement, statements: readonly Statement[]): RangeVar | undefined {
  const existing = (relation: RangeVar | undefined) =>
    isExisting(relation, statement, statements) &&
    !/^(pg_|information_schema)/.test(relation?.schemaname ?? relation?.relname ?? '')
      ? relation
      : undefined
  const write = statement.is('UpdateStmt') ?? statement.is('DeleteStmt')
  if (write !== undefined) return isOfOneRow(write.whereClause) ? undefined : existing(write.relation)
  const index = statement.is('IndexStmt')
  if (index !== undefined) return index.concurrent ? undefined : existing(index.relation)
  if (
    statement.is('InsertStmt') ??
    statement.is('CreateTableAsStmt') ??
    statement.is('RefreshMatViewStmt') ??
    statement.is('SelectStmt')
  ) {
    const target =
      statement.is('InsertStmt')?.relation?.location ?? statement.is('CreateTableAsStmt')?.into?.rel?.location
    return statement
      .all('RangeVar')
      .map(({ node }) => node)
      .find((node) => node.location !== target && existing(node) !== undefined)
  }
  return undefined
}

/** True for a comparison of a column with one value, alone or with others. */
function isOfOneRow(where: Node | undefined): boolean {
  const compared = as(where, 'A_Expr')
  if (compared?.kind === 'AEXPR_OP') {
    const operator = as(compared.name?.[0], 'String')?.sval
    const sides = [compared.lexpr, compared.rexpr]
    return (
      operator === '=' &&
      sides.some((each) => as(each, 'ColumnRef') !== undefined) &&
      sides.some((each) => as(each, 'A_Const') !== undefined || as(each, 'ParamRef') !== undefined)
    )
  }
  const both = as(where, 'BoolExpr')
  return both?.boolop === 'AND_EXPR' && (both.args ?? []).some(isOfOneRow)
}
