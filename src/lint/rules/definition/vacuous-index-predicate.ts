import type { StatementRule } from '../../rule.js'
import { conjuncts } from '../../sql/scope.js'
import { as, columnOf } from '../../sql/tree.js'

export const vacuousIndexPredicate: StatementRule = {
  on: 'sql',
  id: 'vacuous-index-predicate',
  level: 'warning',
  summary: 'A partial index whose predicate excludes nothing.',
  why: 'A column that is NOT NULL, or gets a default, is never null: the index is as large as a plain one, and serves only queries that repeat its predicate.',
  remedy: 'Drop the predicate; rows that expire together are better kept in partitions by time.',
  *check(statement, { catalog }) {
    const index = statement.is('IndexStmt')
    const table =
      index?.relation === undefined ? undefined : catalog.find(index.relation.schemaname, index.relation.relname ?? '')
    for (const each of conjuncts(index?.whereClause)) {
      const test = as(each, 'NullTest')
      if (test?.nulltesttype !== 'IS_NOT_NULL') continue
      const column = table?.columns.get(columnOf(test.arg)?.name ?? '')
      if (column?.notNull === true) yield { at: test.location, message: `${column.name} is never null` }
      else if (column?.hasDefault === true && !column.generated)
        yield { at: test.location, message: `${column.name} has a default: hardly a row is null` }
    }
  },
}
