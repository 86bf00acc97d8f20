import type { AlterTableStmt } from 'libpg-query'
import { isExisting } from '../../existing.js'
import type { StatementRule } from '../../rule.js'
import { as, relationName } from '../../sql/tree.js'

export const alterTableRepeated: StatementRule = {
  on: 'sql',
  id: 'alter-table-repeated',
  level: 'info',
  summary: 'Two statements in a row that each go through all rows of the same table.',
  why: 'ALTER TABLE reads or writes the table once for all its commands; two of them do so twice.',
  remedy: 'One ALTER TABLE with both commands; best neither, by the way that each command has without a lock.',
  *check(statement, { statements }) {
    const alter = statement.is('AlterTableStmt')
    if (alter?.objtype !== 'OBJECT_TABLE' || statement.routine !== undefined || !statement.runsWithFile) return
    const before = statements.findLast((each) => each.routine === undefined && each.index === statement.index - 1)
    const other = before?.is('AlterTableStmt')
    if (other === undefined || relationName(other.relation) !== relationName(alter.relation)) return
    if (!goesThrough(other) || !goesThrough(alter) || !isExisting(alter.relation, statement, statements)) return
    yield {
      at: alter.relation?.location,
      message: `${relationName(alter.relation)} is gone through by the statement before too`,
    }
  },
}

/** Commands for which every row is read or written; an index has a pass of its own. */
function goesThrough({ cmds }: AlterTableStmt): boolean {
  return (cmds ?? []).some((each) => {
    const command = as(each, 'AlterTableCmd')
    const constraint = as(command?.def, 'Constraint')
    return (
      /^AT_(AlterColumnType|SetNotNull|SetLogged|SetUnLogged|SetAccessMethod|SetExpression)$/.test(
        command?.subtype ?? '',
      ) ||
      (constraint?.contype === 'CONSTR_CHECK' && constraint.skip_validation !== true)
    )
  })
}
