import type { StatementRule } from '../../rule.js'
import { as, numberOf, operatorOf } from '../../sql/tree.js'
import { vectorOrders } from '../../vector/orders.js'

export const vectorOrderWithoutLimit: StatementRule = {
  on: 'sql',
  id: 'vector-order',
  level: 'warning',
  summary: 'An order by distance that no vector index serves: without LIMIT, descending, or not the bare operator.',
  why: 'A vector index gives the nearest rows one after the other, in ascending order of the operator itself. Anything else compares every row.',
  remedy: 'ORDER BY embedding <=> $1 LIMIT k; turn a similarity around outside.',
  *check(statement, surroundings) {
    for (const { select, sort, distance, isBare } of vectorOrders(statement, surroundings)) {
      // `+ 0` keeps the index away: an exact search, and meant.
      const sum = as(sort.node, 'A_Expr')
      if (operatorOf(sort.node) === '+' && numberOf(sum?.rexpr) === 0) continue
      const at = as(distance, 'A_Expr')?.location
      if (sort.sortby_dir === 'SORTBY_DESC') yield { at, message: 'descending order compares every row' }
      else if (!isBare) yield { at, message: 'what is made of the distance cannot be looked up in an index' }
      else if (select.limitCount === undefined)
        yield { at, message: 'without a limit every row is compared and sorted' }
    }
  },
}
