import { many, type ProblemKind } from '../problem.js'

export const nestedLoopRepeats: ProblemKind = {
  id: 'nested-loop-repeats',
  level: 'warning',
  title: 'A nested loop whose inner side runs more than a thousand times',
  remedy:
    'See whether the outer side was expected to be so large; a hash or merge join reads the inner side once. With an index look-up of microseconds it may be right.',
  *find(_plan, nodes, timing) {
    for (const node of nodes) {
      if (node.type !== 'Nested Loop') continue
      const inner = node.children.filter(({ subplan }) => subplan === undefined)[1]
      const loops = inner?.actual?.loops ?? 0
      if (inner === undefined || loops <= 1000) continue
      const share = timing.totalMs === undefined ? 1 : (timing.ms(inner) ?? 0) / Math.max(timing.totalMs, 0.001)
      if (share < 0.2) continue
      yield { node: inner, evidence: `${many(loops)} times, ${(timing.ms(inner) ?? 0).toFixed(1)} ms in all` }
    }
  },
}
