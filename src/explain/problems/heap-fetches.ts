import { amount } from '../plan.js'
import { many, type ProblemKind, rowsOf } from '../problem.js'

export const heapFetches: ProblemKind = {
  id: 'heap-fetches',
  level: 'warning',
  title: 'An index-only scan that reads the table after all',
  remedy:
    'VACUUM the table, which marks its pages all-visible; for a table that only grows lower autovacuum_vacuum_insert_scale_factor.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const fetches = amount(node, 'Heap Fetches')
      const rows = rowsOf(node)
      if (node.type !== 'Index Only Scan' || fetches < 1000 || fetches < 0.1 * rows) continue
      yield { node, evidence: `${many(fetches)} rows of ${many(rows)} looked up in the table` }
    }
  },
}
