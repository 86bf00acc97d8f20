import type { StatementRule } from '../../rule.js'

export const unionDistinct: StatementRule = {
  on: 'sql',
  id: 'union-distinct',
  level: 'info',
  summary: 'UNION without ALL.',
  why: 'All rows of both sides are sorted or hashed to drop duplicates, wanted or not.',
  remedy: 'UNION ALL where there are no duplicates, or they do no harm.',
  *check(statement) {
    for (const { node, role } of statement.all('SelectStmt')) {
      if (node.op !== 'SETOP_UNION' || node.all === true || role === 'larg') continue
      // In a recursion it is what ends it; in a search over conditions it is what makes each row come once.
      if (statement.all('WithClause').some((each) => each.node.recursive === true)) continue
      yield { message: 'duplicates are looked for among all rows' }
    }
  },
}
