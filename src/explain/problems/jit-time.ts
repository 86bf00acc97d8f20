import type { ProblemKind } from '../problem.js'

export const jitTime: ProblemKind = {
  id: 'jit-time',
  level: 'warning',
  title: 'Compiling (JIT) takes a good part of the time',
  remedy: '`jit = off` for this role or transaction, or a larger jit_above_cost.',
  *find({ jitMs, executionMs }) {
    if (jitMs === undefined || executionMs === undefined || jitMs < 0.1 * executionMs || jitMs < 1) return
    yield { node: undefined, evidence: `${jitMs.toFixed(1)} of ${executionMs.toFixed(1)} ms` }
  },
}
