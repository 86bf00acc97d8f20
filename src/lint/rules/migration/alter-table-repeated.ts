import { isExisting } from '../../existing.js'
import type { StatementRule } from '../../rule.js'
import { relationName } from '../../sql/tree.js'

export const alterTableRepeated: StatementRule = {
  on: 'sql',
  id: 'alter-table-repeated',
  level: 'info',
  summary: 'ALTER TABLE of the same table twice in a row.',
  why: 'What needs to read or write the table anew does so once for each statement.',
  remedy: 'One ALTER TABLE with both commands, which goes through the table once.',
  *check(statement, { statements }) {
    const alter = statement.is('AlterTableStmt')
    if (alter?.objtype !== 'OBJECT_TABLE' || statement.routine !== undefined || !statement.runsWithFile) return
    const before = statements.findLast((each) => each.routine === undefined && each.index === statement.index - 1)
    const other = before?.is('AlterTableStmt')
    if (other === undefined || relationName(other.relation) !== relationName(alter.relation)) return
    if (!isExisting(alter.relation, statement, statements)) return
    // Commands that cannot stand beside others.
    if (
      [alter, other].some(({ cmds }) => /AttachPartition|DetachPartition|ValidateConstraint/.test(JSON.stringify(cmds)))
    )
      return
    yield {
      at: alter.relation?.location,
      message: `${relationName(alter.relation)} is altered by the statement before`,
    }
  },
}
