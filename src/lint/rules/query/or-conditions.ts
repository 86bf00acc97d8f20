import type { Node } from 'libpg-query'
import type { StatementRule } from '../../rule.js'
import { queryOf, relationOfColumn, relationsOf } from '../../sql/scope.js'
import { as, columnOf, operatorOf, under } from '../../sql/tree.js'

export const orConditions: StatementRule = {
  on: 'sql',
  id: 'or-conditions',
  level: 'warning',
  summary: 'OR between conditions on different tables; before 18 also a chain of OR on one column.',
  why: 'An OR across tables can only be tested after they are joined. A chain on one column is a bitmap of as many index scans before 18, and one scan from 18 on.',
  remedy: 'Across tables: UNION of two queries. On one column: `= any ($1)`.',
  *check(statement, { catalog, version }) {
    if (statement.routine?.dynamic === true) return
    for (const or of statement.all('BoolExpr')) {
      if (or.node.boolop !== 'OR_EXPR' || (or.role !== 'whereClause' && or.parent?.kind !== 'BoolExpr')) continue
      const args = or.node.args ?? []
      const query = queryOf(or)
      if (query === undefined) continue
      const compared = args.map(comparedColumn)
      const [first] = compared
      if (first !== undefined && compared.length > 2 && compared.every((each) => each === first)) {
        if (version < 18)
          yield {
            at: or.node.location,
            level: 'info',
            message: `${compared.length} index scans for ${first} where = any () needs one`,
          }
        continue
      }
      // Only a comparison with a value could have been decided by an index on either table.
      const relations = relationsOf(query, catalog)
      if (relations.length < 2 || compared.some((each) => each === undefined)) continue
      const tables = new Set(
        args.flatMap((each) =>
          under(each, 'ColumnRef').map((reference) => {
            const column = columnOf({ ColumnRef: reference })
            return column === undefined ? undefined : relationOfColumn(column, relations, statement)?.name
          }),
        ),
      )
      if (tables.size > 1 && !tables.has(undefined)) {
        yield {
          at: or.node.location,
          message: `${[...tables].join(' and ')} are joined before the condition can be tested`,
        }
      }
    }
  },
}

/** The column of `column = value`. */
function comparedColumn(node: Node): string | undefined {
  const expression = as(node, 'A_Expr')
  if (expression?.kind !== 'AEXPR_OP' || operatorOf(node) !== '=') return undefined
  const column = columnOf(expression.lexpr)
  const isValue =
    'A_Const' in (expression.rexpr ?? {}) ||
    'ParamRef' in (expression.rexpr ?? {}) ||
    'TypeCast' in (expression.rexpr ?? {})
  return column === undefined || !isValue ? undefined : [column.qualifier, column.name].filter(Boolean).join('.')
}
