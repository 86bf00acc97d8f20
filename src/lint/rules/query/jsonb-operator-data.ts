import type { StatementRule } from '../../rule.js'
import { operatorOf, stringOf } from '../../sql/tree.js'

export const jsonbOperatorData: StatementRule = {
  on: 'sql',
  id: 'jsonb-operator-data',
  level: 'error',
  summary: 'Containment with MongoDB\'s operators: `@> \'{"coverage": {"$lt": 80}}\'`.',
  why: 'To PostgreSQL "$lt" is a key like any other: the condition is false for every row.',
  remedy: "A path: `data @@ '$.coverage < 80'`.",
  *check(statement) {
    for (const { node } of statement.all('A_Expr')) {
      if (operatorOf({ A_Expr: node }) !== '@>') continue
      const operator = /"(\$(?:lte?|gte?|ne|eq|n?in|exists|regex|and|or|not|elemMatch))"\s*:/.exec(
        stringOf(node.rexpr) ?? '',
      )?.[1]
      if (operator !== undefined) yield { at: node.location, message: `"${operator}" is looked for as a key` }
    }
  },
}
