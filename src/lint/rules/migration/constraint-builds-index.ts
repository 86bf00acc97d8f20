import { alterations, constraintOf } from '../../migration.js'
import type { StatementRule } from '../../rule.js'

export const constraintBuildsIndex: StatementRule = {
  on: 'sql',
  id: 'constraint-builds-index',
  level: 'warning',
  summary: 'ADD CONSTRAINT … UNIQUE, PRIMARY KEY or EXCLUDE that builds its index.',
  why: 'The index is built under ACCESS EXCLUSIVE: nobody reads or writes the table meanwhile.',
  remedy:
    'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX. An exclusion constraint needs a quiet hour, or a new table.',
  *check(statement, surroundings) {
    for (const { command, constraint, column, table, at } of alterations(statement, surroundings)) {
      const kinds = ['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'] as const
      if (command.subtype === 'AT_AddConstraint' && constraint?.indexname === undefined) {
        if (kinds.some((kind) => kind === constraint?.contype)) {
          yield { at, message: `${table.relname} is locked until the index of the constraint is built` }
        }
      }
      if (command.subtype === 'AT_AddColumn' && kinds.some((kind) => constraintOf(column, kind) !== undefined)) {
        yield { at, message: `${table.relname} is locked until the index of the new column is built` }
      }
    }
  },
}
