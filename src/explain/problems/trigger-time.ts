import { many, type ProblemKind } from '../problem.js'

export const triggerTime: ProblemKind = {
  id: 'trigger-time',
  level: 'warning',
  title: 'Triggers take a good part of the time',
  remedy:
    'For a foreign key an index on the referring column; for a trigger of your own do it for each statement, with transition tables.',
  *find({ triggers, executionMs }) {
    for (const { name, ms, calls } of triggers) {
      if (executionMs === undefined || ms < 1 || ms < 0.1 * executionMs) continue
      yield {
        node: undefined,
        evidence: `${name}: ${ms.toFixed(1)} of ${executionMs.toFixed(1)} ms in ${many(calls)} calls`,
      }
    }
  },
}
