import { amount } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const hashSpills: ProblemKind = {
  id: 'hash-spills',
  level: 'warning',
  title: 'A hash table that does not fit in memory',
  remedy:
    'Hash the smaller side, with fewer columns; or give this query more by `set local work_mem` (times hash_mem_multiplier).',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const batches = amount(node, 'Hash Batches')
      if (node.type !== 'Hash' || batches <= 1) continue
      const planned = amount(node, 'Original Hash Batches')
      const grown = planned !== 0 && planned < batches ? `, ${planned} planned` : ''
      yield {
        node,
        evidence: `${batches} batches${grown}, all but one by way of the disk; ${many(amount(node, 'Peak Memory Usage'))} kB of memory`,
      }
    }
  },
}
