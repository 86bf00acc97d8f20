import { many, type ProblemKind } from '../problem.js'

export const subplanPerRow: ProblemKind = {
  id: 'subplan-per-row',
  level: 'warning',
  title: 'A subquery that runs once for each row',
  remedy:
    'Join to the subquery, grouped by what connects it; or a lateral join with an index that answers each look-up.',
  *find(_plan, nodes, timing) {
    for (const node of nodes) {
      const loops = node.actual?.loops ?? 0
      if (node.subplan?.startsWith('SubPlan') !== true || loops < 1000) continue
      const share = timing.totalMs === undefined ? 1 : (timing.ms(node) ?? 0) / Math.max(timing.totalMs, 0.001)
      if (share >= 0.2) yield { node, evidence: `${many(loops)} times, ${(timing.ms(node) ?? 0).toFixed(1)} ms in all` }
    }
  },
}
