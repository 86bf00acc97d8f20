import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const validateTogether: StatementRule = {
  on: 'sql',
  id: 'validate-in-same-transaction',
  level: 'warning',
  summary: 'VALIDATE CONSTRAINT in the transaction that added the constraint.',
  why: 'The lock of the ADD is held until the commit, so all rows are read under it: NOT VALID gained nothing.',
  remedy: 'Validate in a migration of its own.',
  *check(statement, { statements }) {
    if (statement.transaction !== 'inside' || statement.routine !== undefined) return
    const alter = statement.is('AlterTableStmt')
    for (const each of alter?.cmds ?? []) {
      const command = as(each, 'AlterTableCmd')
      if (command?.subtype !== 'AT_ValidateConstraint') continue
      const isNew = statements.some(
        (other) =>
          other.start < statement.start &&
          other.is('AlterTableStmt')?.relation?.relname === alter?.relation?.relname &&
          other.all('Constraint').some(({ node }) => node.conname === command.name && node.skip_validation === true),
      )
      if (isNew) yield { at: alter?.relation?.location, message: `${command.name} was added in this very transaction` }
    }
  },
}
