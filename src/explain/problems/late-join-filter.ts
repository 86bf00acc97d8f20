import { amount, text } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const lateJoinFilter: ProblemKind = {
  id: 'late-join-filter',
  level: 'warning',
  title: 'A join that is filtered after its rows were put together',
  remedy:
    'A condition with OR across tables, or an inequality, cannot be looked up: split it by UNION, or give the join an equality.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const removed = amount(node, 'Rows Removed by Join Filter') * (node.actual?.loops ?? 0)
      if (removed < 10_000) continue
      const filter = text(node, 'Join Filter') ?? 'the join filter'
      yield { node, evidence: `${many(removed)} pairs made and removed by ${filter}` }
    }
  },
}
