import type { StatementRule } from '../../rule.js'
import { relationsOf } from '../../sql/scope.js'
import { as, columnOf } from '../../sql/tree.js'

export const distinctOverJoin: StatementRule = {
  on: 'sql',
  id: 'distinct-over-join',
  level: 'info',
  summary: 'SELECT DISTINCT over a join of which one side alone is shown.',
  why: 'The join multiplies rows that DISTINCT then removes.',
  remedy: 'EXISTS for the side that only filters.',
  *check(statement, { catalog }) {
    for (const select of statement.all('SelectStmt')) {
      if (
        select.node.distinctClause === undefined ||
        select.node.distinctClause.some((each) => Object.keys(each).length > 0)
      )
        continue
      const relations = relationsOf(select, catalog).filter(({ range }) => range !== undefined)
      if (relations.length < 2) continue
      const shown = (select.node.targetList ?? []).map((each) => columnOf(as(each, 'ResTarget')?.val)?.qualifier)
      const [first] = shown
      if (first !== undefined && shown.every((each) => each === first)) {
        yield {
          at: as(select.node.targetList?.[0], 'ResTarget')?.location,
          message: `only ${first} is shown; what is joined to it only multiplies rows`,
        }
      }
    }
  },
}
