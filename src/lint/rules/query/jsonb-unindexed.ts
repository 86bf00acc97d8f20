import type { Table } from '../../catalog/catalog.js'
import type { StatementRule } from '../../rule.js'
import { conditionsOf, relationOfColumn, relationsOf } from '../../sql/scope.js'
import { as, columnOf, operatorOf } from '../../sql/tree.js'

export const jsonbUnindexed: StatementRule = {
  on: 'sql',
  id: 'jsonb-unindexed',
  level: 'warning',
  summary:
    'A condition on a jsonb column that none of its indexes serves: `?` or `@>` without GIN, `->>` with GIN alone.',
  why: 'GIN on the column serves @>, ?, @? and @@ (jsonb_path_ops not ?), and never `->>`: every row is read.',
  remedy: "GIN on the column for ? and @>; a B-tree on `((data ->> 'key'))` for a comparison of one value.",
  *check(statement, { catalog }) {
    for (const kind of ['SelectStmt', 'UpdateStmt', 'DeleteStmt'] as const) {
      for (const query of statement.all(kind)) {
        const relations = relationsOf(query, catalog)
        for (const condition of conditionsOf(query)) {
          const expression = as(condition, 'A_Expr')
          const operator = operatorOf(condition) ?? ''
          const isPath = operator === '=' && operatorOf(expression?.lexpr) === '->>'
          const column = columnOf(isPath ? as(expression?.lexpr, 'A_Expr')?.lexpr : expression?.lexpr)
          if (column === undefined || !(isPath || /^(\?[|&]?|@>|@\?|@@)$/.test(operator))) continue
          const table = relationOfColumn(column, relations, statement)?.table
          if (table?.columns.get(column.name)?.type !== 'jsonb') continue
          const other = searched(
            table,
            column.name,
            isPath ? '->>' : operator,
            new Set(conditionsOf(query).flatMap(equalTo)),
          )
          if (other !== undefined) yield { at: expression?.location, message: other }
        }
      }
    }
  },
}

/** The columns of `column = …`: one that an index knows finds the rows well enough. */
function equalTo(node: Parameters<typeof as>[0]): string[] {
  const column = operatorOf(node) === '=' ? columnOf(as(node, 'A_Expr')?.lexpr)?.name : undefined
  return column === undefined ? [] : [column]
}

function searched(table: Table, column: string, operator: string, equal: ReadonlySet<string>): string | undefined {
  if (table.indexes.some(({ columns }) => columns[0] !== undefined && equal.has(columns[0]))) return undefined
  const own = table.indexes.filter(
    ({ columns, expressionColumns }) => columns.includes(column) || expressionColumns.includes(column),
  )
  const gin = own.filter(({ method, columns }) => method === 'gin' && columns.includes(column))
  if (operator === '->>') {
    return own.some(({ expressionColumns }) => expressionColumns.includes(column)) || gin.length === 0
      ? undefined
      : `the GIN index on ${column} does not serve ->>`
  }
  if (gin.length === 0) return `${table.name} has no GIN index on ${column}`
  const isPaths = gin.every(({ columns, classes }) => classes[columns.indexOf(column)] === 'jsonb_path_ops')
  return isPaths && operator.startsWith('?') ? `an index of jsonb_path_ops does not serve ${operator}` : undefined
}
