import type { PlanNode } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const rowsMisestimated: ProblemKind = {
  id: 'rows-misestimated',
  level: 'warning',
  title: 'An estimate that is ten times off',
  remedy:
    'ANALYZE the tables; for columns that go together `create statistics`; for a skewed column a larger statistics target or n_distinct.',
  *find(_plan, nodes, timing) {
    const stopped = stoppedByLimit(nodes)
    for (const node of nodes) {
      const { actual, planRows } = node
      if (actual === undefined || planRows === undefined) continue
      // A scan that a LIMIT stops early does not disprove its estimate; neither do a few rows.
      const [estimated, found] = [Math.max(planRows, 1), Math.max(actual.rows, 1)]
      const factor = estimated > found ? estimated / found : found / estimated
      if (factor < 10 || Math.max(estimated, found) < 100) continue
      const whole = timing.totalMs ?? 0
      const share = whole === 0 ? 1 : (timing.ms(node) ?? 0) / whole
      if (share < 0.05) continue
      const isStopped = estimated > found && stopped.has(node)
      // The first node that is off is where it begins: those above only inherit it.
      const isInherited = node.children.some((child) => {
        const below =
          child.actual === undefined || child.planRows === undefined
            ? 1
            : Math.max(child.planRows, 1) / Math.max(child.actual.rows, 1)
        return below >= 10 || below <= 0.1
      })
      if (isStopped || isInherited) continue
      yield {
        node,
        level: factor >= 100 ? 'critical' : 'warning',
        evidence: `${many(planRows)} rows expected, ${many(actual.rows)} found${actual.loops > 1 ? ' a loop' : ''}: ${many(factor)} times ${estimated > found ? 'fewer' : 'more'}`,
      }
    }
  },
}

/** Nodes that a LIMIT above them may end before their last row: none below a sort, a hash or a plain aggregate. */
function stoppedByLimit(nodes: readonly PlanNode[]): Set<PlanNode> {
  const stopped = new Set<PlanNode>()
  const visit = (node: PlanNode): void => {
    for (const child of node.children) {
      stopped.add(child)
      const isBlocking =
        /^(Sort|Hash|Bitmap Index Scan)$/.test(child.type) ||
        (child.type === 'Aggregate' && child.strategy !== 'Sorted')
      if (!isBlocking) visit(child)
    }
  }
  for (const node of nodes) if (node.type === 'Limit') visit(node)
  return stopped
}
