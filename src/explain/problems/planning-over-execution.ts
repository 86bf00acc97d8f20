import type { ProblemKind } from '../problem.js'

export const planningOverExecution: ProblemKind = {
  id: 'planning-over-execution',
  level: 'info',
  title: 'Planning takes longer than running',
  remedy: 'Prepare the statement; bound the partition key, so that fewer partitions are planned; join fewer tables.',
  *find({ planningMs, executionMs }) {
    if (planningMs === undefined || executionMs === undefined || planningMs <= executionMs || planningMs < 5) return
    yield {
      node: undefined,
      level: planningMs > 50 ? 'warning' : 'info',
      evidence: `${planningMs.toFixed(1)} ms of planning, ${executionMs.toFixed(1)} ms of running`,
    }
  },
}
