import type { Node } from 'libpg-query'
import type { StatementRule } from '../../rule.js'
import { as, lastWord, under } from '../../sql/tree.js'

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
      const common = new Map(
        statement.all('CommonTableExpr').map((each) => [each.node.ctename ?? '', each.node.ctequery] as const),
      )
      const isOne =
        as(select.limitCount, 'A_Const')?.ival?.ival === 1 ||
        (select.fromClause ?? []).every((each) => hasOneRow(each, common))
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

/** True for what yields a row at most: a record out of JSON, and what is made of that alone. */
function hasOneRow(node: Node | undefined, common: ReadonlyMap<string, Node | undefined>, depth = 0): boolean {
  if (node === undefined || depth > 10) return false
  const join = as(node, 'JoinExpr')
  if (join !== undefined) return hasOneRow(join.larg, common, depth + 1) && hasOneRow(join.rarg, common, depth + 1)
  const call = under(as(node, 'RangeFunction')?.functions?.[0], 'FuncCall')[0]
  if (call !== undefined) return /^jsonb?_(to|populate)_record$/.test(lastWord(call.funcname))
  const relation = as(node, 'RangeVar')
  const query = relation?.schemaname === undefined ? common.get(relation?.relname ?? '') : undefined
  const select = as(query, 'SelectStmt') ?? as(as(query, 'InsertStmt')?.selectStmt, 'SelectStmt')
  const from = select?.fromClause ?? []
  return from.length > 0 && from.every((each) => hasOneRow(each, common, depth + 1))
}
