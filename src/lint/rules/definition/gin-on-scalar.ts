import type { StatementRule } from '../../rule.js'
import { as, operatorOf } from '../../sql/tree.js'

export const ginOnScalar: StatementRule = {
  on: 'sql',
  id: 'gin-on-scalar',
  level: 'warning',
  summary: "A GIN index on one value inside a jsonb column, `(data -> 'key')`.",
  why: "Only `data -> 'key' @> …` uses it: neither `data ->> 'key' = …` nor `data @> …` does.",
  remedy: "For a scalar a B-tree: `((data ->> 'key'))`. For any key, GIN on the column itself.",
  *check(statement) {
    const index = statement.is('IndexStmt')
    if (index?.accessMethod !== 'gin') return
    for (const each of index.indexParams ?? []) {
      const expression = as(each, 'IndexElem')?.expr
      const operator = operatorOf(expression)
      if (operator !== '->' && operator !== '#>') continue
      yield {
        at: as(expression, 'A_Expr')?.location,
        message: 'only a containment test of this very expression uses the index',
      }
    }
  },
}
