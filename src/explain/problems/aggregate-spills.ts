import { amount } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const aggregateSpills: ProblemKind = {
  id: 'aggregate-spills',
  level: 'warning',
  title: 'A hash aggregate that does not fit in memory',
  remedy:
    'Group fewer rows or columns, see that the number of groups is estimated well (extended statistics), or `set local work_mem`.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const disk = amount(node, 'Disk Usage')
      if (node.type !== 'Aggregate' || disk === 0) continue
      yield { node, evidence: `${many(disk)} kB on disk in ${amount(node, 'HashAgg Batches')} batches` }
    }
  },
}
