import { alterations } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import { as, columnOf } from '../../sql/tree.js'

export const setNotNull: StatementRule = {
  on: 'sql',
  id: 'set-not-null',
  level: 'warning',
  summary: 'SET NOT NULL without a validated check that says the same.',
  why: 'The whole table is read under ACCESS EXCLUSIVE.',
  remedy:
    'ADD CONSTRAINT c CHECK (column IS NOT NULL) NOT VALID; then, in another transaction, VALIDATE CONSTRAINT c; then SET NOT NULL, which believes the check; then drop it.',
  *check(statement, surroundings) {
    for (const { command, table, at } of alterations(statement, surroundings)) {
      if (command.subtype !== 'AT_SetNotNull') continue
      const checks = new Set<string>()
      let isProven = false
      for (const before of surroundings.statements) {
        if (before.start >= statement.start) break
        const alter = before.is('AlterTableStmt')
        if (alter?.relation?.relname !== table.relname) continue
        for (const each of alter?.cmds ?? []) {
          const other = as(each, 'AlterTableCmd')
          const constraint = as(other?.def, 'Constraint')
          const test = as(constraint?.raw_expr, 'NullTest')
          if (test?.nulltesttype === 'IS_NOT_NULL' && columnOf(test.arg)?.name === command.name) {
            checks.add(constraint?.conname ?? '')
          }
          if (other?.subtype === 'AT_ValidateConstraint' && checks.has(other.name ?? '')) isProven = true
        }
      }
      // A check of an earlier file cannot be seen; its name may tell of it.
      const validated = surroundings.statements.some(
        (each) =>
          each.start < statement.start &&
          each
            .all('AlterTableCmd')
            .some(
              ({ node: other }) =>
                other.subtype === 'AT_ValidateConstraint' && (other.name ?? '').includes(command.name ?? '-'),
            ),
      )
      if (!isProven && !validated) {
        yield { at, message: `${table.relname} is read from end to end while nobody else can read or write it` }
      }
    }
  },
}
