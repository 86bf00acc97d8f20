import type { ProblemKind } from '../problem.js'

export const disabledNode: ProblemKind = {
  id: 'disabled-node',
  level: 'warning',
  title: 'A way of planning that a setting forbids, taken for want of another',
  remedy: 'Look at the settings: an enable_… is off that this statement needs.',
  *find({ settings }, nodes) {
    for (const node of nodes) {
      // Before 18 a disabled node shows by a cost that nothing real has.
      const isCostly =
        (node.startupCost ?? 0) >= 1e10 && !node.children.some(({ startupCost }) => (startupCost ?? 0) >= 1e10)
      if (node.details.get('Disabled') !== 'true' && !isCostly) continue
      const off = [...settings]
        .filter(([name, value]) => name.startsWith('enable_') && value === 'off')
        .map(([name]) => name)
      yield { node, evidence: off.length === 0 ? 'it is disabled' : `it is disabled by one of ${off.join(', ')}` }
    }
  },
}
