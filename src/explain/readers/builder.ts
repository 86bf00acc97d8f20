import type { Actual, PlanNode } from '../plan.js'

/** A node while it is read. */
export interface Draft {
  type: string
  relation?: string | undefined
  schema?: string | undefined
  alias?: string | undefined
  index?: string | undefined
  joinType?: string | undefined
  strategy?: string | undefined
  partialMode?: string | undefined
  operation?: string | undefined
  subplan?: string | undefined
  isParallel?: boolean
  isBackward?: boolean
  startupCost?: number | undefined
  totalCost?: number | undefined
  planRows?: number | undefined
  planWidth?: number | undefined
  actual?: Actual | undefined
  isNeverExecuted?: boolean
  details: Map<string, string | number>
  children: Draft[]
}

/** Finishes a tree of drafts, and numbers its nodes. */
export function build(root: Draft): PlanNode {
  let last = 0
  const finish = (draft: Draft): PlanNode => {
    const id = ++last
    return {
      id,
      type: draft.type,
      relation: draft.relation,
      schema: draft.schema,
      alias: draft.alias,
      index: draft.index,
      joinType: draft.joinType,
      strategy: draft.strategy,
      partialMode: draft.partialMode,
      operation: draft.operation,
      subplan: draft.subplan,
      isParallel: draft.isParallel ?? false,
      isBackward: draft.isBackward ?? false,
      startupCost: draft.startupCost,
      totalCost: draft.totalCost,
      planRows: draft.planRows,
      planWidth: draft.planWidth,
      actual: draft.actual,
      isNeverExecuted: draft.isNeverExecuted ?? false,
      details: new Map([...draft.details].filter(([, value]) => value !== 0 && value !== '' && value !== 'false')),
      children: draft.children.map(finish),
    }
  }
  return finish(root)
}
