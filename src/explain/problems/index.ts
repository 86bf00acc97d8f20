import type { Plan } from '../plan.js'
import { nodesOf } from '../plan.js'
import type { Problem, ProblemKind, ProblemLevel } from '../problem.js'
import { timingOf } from '../timing.js'
import { aggregateSpills } from './aggregate-spills.js'
import { disabledNode } from './disabled-node.js'
import { genericPlan } from './generic-plan.js'
import { hashSpills } from './hash-spills.js'
import { heapFetches } from './heap-fetches.js'
import { indexScanRemovesRows } from './index-scan-removes-rows.js'
import { jitTime } from './jit-time.js'
import { largeOffset } from './large-offset.js'
import { lateJoinFilter } from './late-join-filter.js'
import { limitOnWrongIndex } from './limit-on-wrong-index.js'
import { lossyBitmap } from './lossy-bitmap.js'
import { manyIndexSearches } from './many-index-searches.js'
import { memoizeEvicts } from './memoize-evicts.js'
import { nestedLoopRepeats } from './nested-loop-repeats.js'
import { partitionsNotPruned } from './partitions-not-pruned.js'
import { planningOverExecution } from './planning-over-execution.js'
import { rowsMisestimated } from './rows-misestimated.js'
import { seqScanRemovesRows } from './seq-scan-removes-rows.js'
import { sortSpills } from './sort-spills.js'
import { subplanPerRow } from './subplan-per-row.js'
import { triggerTime } from './trigger-time.js'
import { workersMissing } from './workers-missing.js'

/** Every kind of problem, in the order of their names. */
export const PROBLEM_KINDS: readonly ProblemKind[] = [
  aggregateSpills,
  disabledNode,
  genericPlan,
  hashSpills,
  heapFetches,
  indexScanRemovesRows,
  jitTime,
  largeOffset,
  lateJoinFilter,
  limitOnWrongIndex,
  lossyBitmap,
  manyIndexSearches,
  memoizeEvicts,
  nestedLoopRepeats,
  partitionsNotPruned,
  planningOverExecution,
  rowsMisestimated,
  seqScanRemovesRows,
  sortSpills,
  subplanPerRow,
  triggerTime,
  workersMissing,
]

const RANK: Readonly<Record<ProblemLevel, number>> = { critical: 0, warning: 1, info: 2 }

/** The problems of a plan, the gravest first, then from top to bottom. */
export function findProblems(plan: Plan): Problem[] {
  const nodes = nodesOf(plan)
  const timing = timingOf(plan)
  return PROBLEM_KINDS.flatMap((kind) =>
    [...kind.find(plan, nodes, timing)].map(
      ({ node, level, evidence, remedy }): Problem => ({
        id: kind.id,
        level: level ?? kind.level,
        title: kind.title,
        evidence,
        remedy: remedy ?? kind.remedy,
        node: node?.id,
      }),
    ),
  ).sort((a, b) => RANK[a.level] - RANK[b.level] || (a.node ?? 0) - (b.node ?? 0) || (a.id < b.id ? -1 : 1))
}
