import type { StatementRule } from '../../rule.js'
import { conditionsOf } from '../../sql/scope.js'
import { as, columnOf, stringOf } from '../../sql/tree.js'
import { vectorOrders } from '../../vector/orders.js'

export const vectorFilter: StatementRule = {
  on: 'sql',
  id: 'vector-filter',
  level: 'warning',
  summary: 'A filter beside an order by distance, on a table with an HNSW or IVFFlat index, without an iterative scan.',
  why: 'The index gives its ef_search nearest rows of all, and the filter takes away from those: a tenant with few rows gets none of its ten.',
  remedy:
    "`set local hnsw.iterative_scan = 'strict_order'` (pgvector 0.8) in the transaction, a partial index, or a partition a tenant; and compare exactly where few rows qualify.",
  *check(statement, surroundings) {
    const orders = vectorOrders(statement, surroundings)
    if (orders.length === 0) return
    const isIterative = surroundings.statements.some(
      (each) =>
        /iterative_scan$/.test(each.is('VariableSetStmt')?.name ?? '') ||
        each.all('FuncCall').some(({ node }) => /iterative_scan$/.test(stringOf(node.args?.[0]) ?? '')) ||
        each.all('VariableSetStmt').some(({ node }) => /iterative_scan$/.test(node.name ?? '')),
    )
    if (isIterative) return
    for (const { place, select, distance, relations } of orders) {
      if (select.limitCount === undefined) continue
      const table = relations.find((each) => each.table !== undefined)?.table
      if (table?.indexes.some(({ method, partial }) => /^(hnsw|ivfflat)$/.test(method) && !partial) !== true) continue
      const filters = conditionsOf(place).flatMap((each) => columnOf(as(each, 'A_Expr')?.lexpr)?.name ?? [])
      if (filters.length > 0) {
        yield {
          at: as(distance, 'A_Expr')?.location,
          message: `rows with another ${filters.join(', ')} take the places of those that are looked for`,
        }
      }
    }
  },
}
