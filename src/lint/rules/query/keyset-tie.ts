import type { Node } from 'libpg-query'
import type { StatementRule } from '../../rule.js'
import { conditionsOf, equalities, relationOfColumn, relationsOf } from '../../sql/scope.js'
import { as, columnOf, operatorOf } from '../../sql/tree.js'

/** Times have ties; of other columns nothing is said without knowing the table. */
const TIMES = /(^|_)(at|on|ts|time|timestamp|date|created|updated|modified)$/i

export const keysetTie: StatementRule = {
  on: 'sql',
  id: 'keyset-tie',
  level: 'warning',
  summary: 'Pages by a key that several rows may share.',
  why: 'The next page begins behind all rows with the last value: those that share it and were not on the page are skipped.',
  remedy:
    'Add the primary key to the order and compare rows: `where (created_at, id) < ($1, $2) order by created_at desc, id desc`.',
  *check(statement, { catalog }) {
    for (const select of statement.all('SelectStmt')) {
      const { sortClause = [], limitCount } = select.node
      if (limitCount === undefined || sortClause.length === 0 || as(limitCount, 'A_Const')?.ival?.ival === 1) continue
      const relations = relationsOf(select, catalog)
      const conditions = conditionsOf(select)
      const order = sortClause.map((each) => columnOf(as(each, 'SortBy')?.node))
      const [first] = order
      if (first === undefined || order.some((each) => each === undefined)) continue
      const page = conditions.find((each) => isPageBound(each, first.name))
      if (page === undefined) continue
      const relation = relationOfColumn(first, relations, statement)
      const keys = relation?.table?.indexes.filter((index) => index.unique && !index.partial) ?? []
      const fixed = equalities(conditions).map(({ column }) => column.name)
      const known = new Set([...fixed, ...order.flatMap((each) => each?.name ?? [])])
      if (relation?.table !== undefined && keys.length > 0) {
        if (keys.some((key) => key.columns.every((column) => column !== undefined && known.has(column)))) continue
      } else if (order.length > 1 || !TIMES.test(first.name)) continue
      const level = TIMES.test(first.name) ? 'warning' : 'info'
      yield {
        level,
        at: as(sortClause[0], 'SortBy')?.location ?? as(page, 'A_Expr')?.location,
        message: `rows of the same ${order.map((each) => each?.name).join(', ')} are skipped where a page ends`,
      }
    }
  },
}

/** `column < $1`, the value from the page before. A range of two constants is a filter, no page. */
function isPageBound(condition: Node, column: string): boolean {
  if (!/^[<>]=?$/.test(operatorOf(condition) ?? '')) return false
  const expression = as(condition, 'A_Expr')
  const other =
    columnOf(expression?.lexpr)?.name === column
      ? expression?.rexpr
      : columnOf(expression?.rexpr)?.name === column
        ? expression?.lexpr
        : undefined
  const value = as(other, 'TypeCast')?.arg ?? other
  return as(value, 'ParamRef') !== undefined && /^[<>]$/.test(operatorOf(condition) ?? '')
}
