import type { StatementRule } from '../../rule.js'
import { as, under } from '../../sql/tree.js'

export const upsertUnordered: StatementRule = {
  on: 'sql',
  id: 'upsert-unordered',
  level: 'warning',
  summary: 'An upsert of many rows in no order.',
  why: 'Each row is locked as it comes. Two batches that share keys in different orders wait for each other: a deadlock.',
  remedy:
    'ORDER BY the key in the SELECT that feeds it, or sort the values before they are sent; and try again after 40P01.',
  *check(statement) {
    if (statement.routine?.dynamic === true) return
    for (const { node } of statement.all('InsertStmt')) {
      if (node.onConflictClause?.action !== 'ONCONFLICT_UPDATE') continue
      const select = as(node.selectStmt, 'SelectStmt')
      if (select === undefined || (select.valuesLists?.length ?? 0) > 0 || (select.fromClause?.length ?? 0) === 0)
        continue
      // An order anywhere in what feeds it, a common table expression too, is taken for the one that is meant.
      const isOrdered =
        under(node.selectStmt, 'SelectStmt').some((each) => (each.sortClause?.length ?? 0) > 0) ||
        (node.withClause?.ctes ?? []).some((cte) =>
          under(cte, 'SelectStmt').some((each) => (each.sortClause?.length ?? 0) > 0),
        )
      const isOne = as(select.limitCount, 'A_Const')?.ival?.ival === 1
      const isAggregate =
        select.groupClause === undefined &&
        select.targetList?.some((each) => under(each, 'FuncCall').some((call) => call.agg_star === true))
      if (!isOrdered && !isOne && isAggregate !== true) {
        yield {
          at: node.relation?.location,
          message: `rows of ${node.relation?.relname} are locked in whatever order they come`,
        }
      }
    }
  },
}
