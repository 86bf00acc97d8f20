import { amount } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const lossyBitmap: ProblemKind = {
  id: 'lossy-bitmap',
  level: 'warning',
  title: 'A bitmap that remembers pages only',
  remedy: 'More `work_mem` for this query, or an index that finds fewer rows.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const lossy = amount(node, 'Lossy Heap Blocks')
      if (lossy === 0) continue
      const removed = amount(node, 'Rows Removed by Index Recheck')
      yield {
        node,
        evidence: `${many(lossy)} pages were read row by row; the recheck removed ${many(removed)} rows a loop`,
      }
    }
  },
}
