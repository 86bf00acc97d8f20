import type { RangeVar } from 'libpg-query'
import { isExisting } from '../../existing.js'
import { alterations } from '../../migration.js'
import type { StatementRule, Surroundings } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const constraintNotValid: StatementRule = {
  on: 'sql',
  id: 'constraint-without-not-valid',
  level: 'warning',
  summary: 'ADD CONSTRAINT … CHECK or FOREIGN KEY without NOT VALID.',
  why: 'All rows are checked while the lock is held: writes wait, and for a check reads do too.',
  remedy: 'Add it NOT VALID, and VALIDATE CONSTRAINT in another transaction, which holds up nobody.',
  *check(statement, surroundings) {
    const domain = statement.is('AlterDomainStmt')
    const added = as(domain?.def, 'Constraint')
    if (added?.contype === 'CONSTR_CHECK' && added.skip_validation !== true && statement.runsWithFile) {
      yield {
        at: added.location,
        message: 'every table with a column of the domain is read from end to end, and locked',
      }
    }
    for (const { command, constraint, column, table, at } of alterations(statement, surroundings)) {
      if (command.subtype === 'AT_AddConstraint' && constraint?.skip_validation !== true) {
        if (constraint?.contype === 'CONSTR_CHECK') {
          yield { at, message: `every row of ${table.relname} is checked while nobody else can use it` }
        }
        // A partitioned table takes one that is NOT VALID from 18 on.
        const canWait = surroundings.version >= 18 || known(table, surroundings)?.partitionKey === undefined
        if (constraint?.contype === 'CONSTR_FOREIGN' && canWait) {
          const isNew = !isExisting(constraint.pktable, statement, surroundings.statements)
          const target = isNew ? '' : ` and ${constraint.pktable?.relname}`
          yield { at, message: `every row of ${table.relname} is looked up while writes to it${target} wait` }
        }
      }
      // A column that is added with both: the check runs over all rows too, unless it is null for all.
      if (command.subtype === 'AT_AddColumn' && column !== undefined) {
        const kinds = (column.constraints ?? []).map((each) =>
          'Constraint' in each ? each.Constraint.contype : undefined,
        )
        if (kinds.includes('CONSTR_CHECK') && kinds.includes('CONSTR_DEFAULT')) {
          yield { at, message: `the check of the new column reads every row of ${table.relname}` }
        }
      }
    }
  },
}

function known({ schemaname, relname }: RangeVar, { catalog }: Surroundings) {
  return relname === undefined ? undefined : catalog.find(schemaname, relname)
}
