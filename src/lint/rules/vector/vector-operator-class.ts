import type { StatementRule } from '../../rule.js'
import { relationOfColumn } from '../../sql/scope.js'
import { as, columnOf, operatorOf } from '../../sql/tree.js'
import { distanceOf } from '../../vector/distance.js'
import { vectorOrders } from '../../vector/orders.js'

export const vectorOperatorClass: StatementRule = {
  on: 'sql',
  id: 'vector-operator-class',
  level: 'warning',
  summary: 'A distance operator that is not the one of the vector index.',
  why: 'An index of vector_cosine_ops serves <=> alone, vector_l2_ops <->, vector_ip_ops <#>, vector_l1_ops <+>: with another every row is compared.',
  remedy: 'Use the operator of the index, or build an index for this one.',
  *check(statement, surroundings) {
    for (const { distance, relations } of vectorOrders(statement, surroundings)) {
      const expression = as(distance, 'A_Expr')
      const column = columnOf(expression?.lexpr) ?? columnOf(expression?.rexpr)
      const table = column === undefined ? undefined : relationOfColumn(column, relations, statement)?.table
      const indexes =
        table?.indexes.filter(
          ({ method, columns }) => /^(hnsw|ivfflat)$/.test(method) && columns[0] === column?.name,
        ) ?? []
      // Without a class named it is that of <->.
      const measures = indexes.map(({ classes }) => /_(l2|cosine|ip|l1)_ops$/.exec(classes[0] ?? '')?.[1] ?? 'l2')
      if (indexes.length > 0 && !measures.includes(distanceOf(distance) ?? '')) {
        yield {
          at: expression?.location,
          message: `${operatorOf(distance)} is not what ${indexes[0]?.name || 'the index'} was built for (${measures.join(', ')})`,
        }
      }
    }
  },
}
