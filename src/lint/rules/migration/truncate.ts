import { isExisting } from '../../existing.js'
import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const truncate: StatementRule = {
  on: 'sql',
  id: 'truncate',
  level: 'warning',
  summary: 'TRUNCATE of a table that is already there.',
  why: 'All rows go, under ACCESS EXCLUSIVE; for older snapshots the table is suddenly empty, and triggers on rows do not fire.',
  remedy: 'Delete in batches by key, or retire partitions.',
  *check(statement, { statements }) {
    const all = statement.is('TruncateStmt')
    if (all === undefined || all.behavior === 'DROP_CASCADE' || statement.routine?.dynamic === true) return
    for (const each of all.relations ?? []) {
      const relation = as(each, 'RangeVar')
      if (isExisting(relation, statement, statements))
        yield { at: relation?.location, message: `every row of ${relation?.relname} goes` }
    }
  },
}
