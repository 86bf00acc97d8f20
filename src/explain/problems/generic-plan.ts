import type { ProblemKind } from '../problem.js'
import { many } from '../problem.js'

export const genericPlan: ProblemKind = {
  id: 'generic-plan',
  level: 'warning',
  title: 'A generic plan whose estimates do not fit the values it ran with',
  remedy:
    '`plan_cache_mode = force_custom_plan` for this statement where its values differ that much; compare both with EXPLAIN.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const { actual, planRows } = node
      const hasParameter = ['Index Cond', 'Filter', 'Recheck Cond'].some((name) =>
        /\$\d+/.test(String(node.details.get(name) ?? '').replaceAll(/InitPlan[^)]*\)|returns \$\d+/g, '')),
      )
      // Parameters below a nested loop or from a subplan are not the statement's.
      if (!hasParameter || actual === undefined || planRows === undefined || actual.loops > 1) continue
      const isInner = nodes.some((each) => each.subplan !== undefined)
      const [estimated, found] = [Math.max(planRows, 1), Math.max(actual.rows, 1)]
      const factor = Math.max(estimated / found, found / estimated)
      if (!isInner && factor >= 10 && Math.max(estimated, found) >= 100) {
        yield {
          node,
          evidence: `planned without the values of the parameters: ${many(planRows)} rows expected, ${many(actual.rows)} found`,
        }
      }
    }
  },
}
