import type { StatementRule } from '../../rule.js'
import { conditionsOf, relationsOf } from '../../sql/scope.js'
import { as, operatorOf } from '../../sql/tree.js'
import { distanceOf, isVector } from '../../vector/distance.js'
import { vectorOrders, vectorTypeOf } from '../../vector/orders.js'

export const vectorDistanceThreshold: StatementRule = {
  on: 'sql',
  id: 'vector-distance-threshold',
  level: 'warning',
  summary: 'A distance that is compared in WHERE, and not ordered by.',
  why: 'No vector index answers "nearer than": every row is compared.',
  remedy: 'Order by the distance with a LIMIT in a subquery, and compare outside.',
  *check(statement, surroundings) {
    const ordered = new Set(vectorOrders(statement, surroundings).map(({ place }) => place.node))
    for (const select of statement.all('SelectStmt')) {
      if (ordered.has(select.node)) continue
      const relations = relationsOf(select, surroundings.catalog)
      if (!relations.some(({ range }) => range !== undefined)) continue
      for (const condition of conditionsOf(select)) {
        const expression = as(condition, 'A_Expr')
        if (!/^[<>]=?$/.test(operatorOf(condition) ?? '')) continue
        const type = (node: Parameters<typeof distanceOf>[0]) => vectorTypeOf(node, relations, statement)
        const side = [expression?.lexpr, expression?.rexpr].find(
          (each) => distanceOf(each) !== undefined && isVector(each, type),
        )
        if (side !== undefined) yield { at: as(side, 'A_Expr')?.location, message: 'every row is compared' }
      }
    }
  },
}
