import { amount } from '../plan.js'
import { many, type ProblemKind, rowsOf } from '../problem.js'

export const indexScanRemovesRows: ProblemKind = {
  id: 'index-scan-removes-rows',
  level: 'warning',
  title: 'An index scan whose filter removes nearly all it finds',
  remedy:
    'Put the column of the filter into the index, behind those of the index condition, or make the filter the predicate of a partial index.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      if (!/^(Index Scan|Index Only Scan|Bitmap Heap Scan)$/.test(node.type)) continue
      const removed = amount(node, 'Rows Removed by Filter') * (node.actual?.loops ?? 0)
      const kept = rowsOf(node)
      if (removed < 1000 || removed < 0.9 * (removed + kept)) continue
      yield {
        node,
        evidence: `${many(removed)} of ${many(removed + kept)} rows found are removed by ${node.details.get('Filter') ?? 'a filter'}`,
      }
    }
  },
}
