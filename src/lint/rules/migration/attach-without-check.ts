import { isExisting } from '../../existing.js'
import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const attachPartition: StatementRule = {
  on: 'sql',
  id: 'attach-without-check',
  level: 'info',
  summary: 'ATTACH PARTITION of a table without a check that proves its bounds.',
  why: 'The table is read from end to end, while it cannot be written, to see that every row belongs there.',
  remedy: 'ADD CONSTRAINT … CHECK of the bounds (NOT VALID, then VALIDATE), attach, and drop the check.',
  *check(statement, { statements }) {
    for (const each of statement.is('AlterTableStmt')?.cmds ?? []) {
      const command = as(each, 'AlterTableCmd')
      const attached = as(command?.def, 'PartitionCmd')?.name
      if (command?.subtype !== 'AT_AttachPartition' || statement.routine?.dynamic === true) continue
      if (!isExisting(attached, statement, statements)) continue
      const isChecked = statements.some(
        (other) =>
          other.start < statement.start &&
          other.is('AlterTableStmt')?.relation?.relname === attached?.relname &&
          other.all('Constraint').some(({ node }) => node.contype === 'CONSTR_CHECK'),
      )
      if (!isChecked)
        yield { at: attached?.location, message: `every row of ${attached?.relname} is read to prove its bounds` }
    }
  },
}
