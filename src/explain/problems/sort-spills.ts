import { amount, text } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const sortSpills: ProblemKind = {
  id: 'sort-spills',
  level: 'warning',
  title: 'A sort that does not fit in work_mem',
  remedy: 'Sort fewer or narrower rows, let an index give the order, or give this query more by `set local work_mem`.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const method = text(node, 'Sort Method')
      if (text(node, 'Sort Space Type') !== 'Disk' && method?.startsWith('external') !== true) continue
      yield { node, evidence: `${method} with ${many(amount(node, 'Sort Space Used'))} kB on disk` }
    }
  },
}
