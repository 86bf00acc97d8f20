import type { StatementRule } from '../../rule.js'
import { columnOf, numberOf, operatorOf } from '../../sql/tree.js'

export const deadTupleCount: StatementRule = {
  on: 'sql',
  id: 'dead-tuple-count',
  level: 'info',
  summary: 'n_dead_tup compared with a fixed number.',
  why: 'Ten thousand dead rows are nothing in a large table and much in a small one; autovacuum decides by the size.',
  remedy: 'Compare with `autovacuum_vacuum_threshold + autovacuum_vacuum_scale_factor * reltuples` of the table.',
  *check(statement) {
    for (const { node } of statement.all('A_Expr')) {
      if (!/^[<>]=?$/.test(operatorOf({ A_Expr: node }) ?? '')) continue
      if (columnOf(node.lexpr)?.name === 'n_dead_tup' && (numberOf(node.rexpr) ?? 0) > 0) {
        yield { at: node.location, message: 'the number says nothing without the size of the table' }
      }
    }
  },
}
