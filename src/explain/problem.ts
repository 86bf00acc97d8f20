import type { Plan, PlanNode } from './plan.js'
import type { Timing } from './timing.js'

/** How bad: critical decides over the time, warning costs some, info is worth knowing. */
export type ProblemLevel = 'critical' | 'warning' | 'info'

/** What is wrong at a node of a plan. */
export interface Finding {
  /** Undefined for what concerns the whole plan. */
  readonly node: PlanNode | undefined
  readonly level?: ProblemLevel
  /** The numbers that show it, in one sentence without a full stop. */
  readonly evidence: string
  /** More exact than the problem's. */
  readonly remedy?: string
}

/** A kind of problem that plans have. */
export interface ProblemKind {
  /** Its name, in kebab case; never renamed. */
  readonly id: string
  readonly level: ProblemLevel
  readonly title: string
  /** What to do. */
  readonly remedy: string
  find(plan: Plan, nodes: readonly PlanNode[], timing: Timing): Iterable<Finding>
}

/** A finding with its kind. */
export interface Problem {
  readonly id: string
  readonly level: ProblemLevel
  readonly title: string
  readonly evidence: string
  readonly remedy: string
  /** The number of the node, from top to bottom; undefined for the whole plan. */
  readonly node: number | undefined
}

/** Rows that a node gave in all its loops. */
export function rowsOf(node: PlanNode): number {
  return (node.actual?.rows ?? 0) * (node.actual?.loops ?? 0)
}

/** A number of rows or blocks for people. */
export const many = (value: number) => Math.round(value).toLocaleString('en-US')
