import { amount } from '../plan.js'
import type { ProblemKind } from '../problem.js'

export const partitionsNotPruned: ProblemKind = {
  id: 'partitions-not-pruned',
  level: 'warning',
  title: 'Partitions that are searched and hold nothing',
  remedy: 'Bound the partition key in the statement, by constants or parameters of its own type.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      if (!/^(Merge )?Append$/.test(node.type)) continue
      const scans = node.children.filter(({ relation, actual }) => relation !== undefined && actual !== undefined)
      const empty = scans.filter(({ actual }) => actual?.rows === 0)
      if (scans.length < 4 || empty.length < scans.length * 0.75) continue
      const pruned = amount(node, 'Subplans Removed')
      yield {
        node,
        evidence: `${empty.length} of ${scans.length} partitions gave no row${pruned === 0 ? '' : `, ${pruned} were pruned`}`,
      }
    }
  },
}
