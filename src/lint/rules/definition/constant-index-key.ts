import type { StatementRule } from '../../rule.js'
import { conjuncts, equalities } from '../../sql/scope.js'
import { as } from '../../sql/tree.js'

export const constantIndexKey: StatementRule = {
  on: 'sql',
  id: 'constant-index-key',
  level: 'warning',
  summary: 'A partial index whose key is a column that its predicate fixes to one value.',
  why: 'Every entry has the same key: the index finds the rows, and sorts nothing. A query that orders them sorts all of them.',
  remedy: "Index what the query orders by: `on jobs (created_at) where status = 'open'`.",
  *check(statement) {
    const index = statement.is('IndexStmt')
    if (index?.whereClause === undefined || index.unique === true) return
    const fixed = new Set(
      equalities(conjuncts(index.whereClause)).flatMap(({ column, other }) =>
        as(other, 'A_Const') || as(other, 'TypeCast') ? [column.name] : [],
      ),
    )
    const keys = (index.indexParams ?? []).map((each) => as(each, 'IndexElem')?.name)
    const constant = keys.filter((name) => name !== undefined && fixed.has(name))
    if (constant.length > 0)
      yield { at: index.relation?.location, message: `${constant.join(', ')} is the same in every entry of the index` }
  },
}
