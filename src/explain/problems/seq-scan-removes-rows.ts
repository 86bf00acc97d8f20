import { amount } from '../plan.js'
import { many, type ProblemKind, rowsOf } from '../problem.js'

export const seqScanRemovesRows: ProblemKind = {
  id: 'seq-scan-removes-rows',
  level: 'critical',
  title: 'A sequential scan that throws away nearly all it reads',
  remedy: 'An index on the columns of the filter. A sequential scan that keeps what it reads is no problem.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      if (node.type !== 'Seq Scan') continue
      const removed = amount(node, 'Rows Removed by Filter') * (node.actual?.loops ?? 0)
      const kept = rowsOf(node)
      if (removed < 10_000 || removed < 0.9 * (removed + kept)) continue
      yield {
        node,
        evidence: `${many(removed)} rows read and removed, ${many(kept)} kept, by ${node.details.get('Filter') ?? 'a filter'}`,
      }
    }
  },
}
