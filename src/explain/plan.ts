/** What a node did when the statement ran: averages of one loop, as PostgreSQL tells them. */
export interface Actual {
  /** Milliseconds until the first and until the last row; undefined with TIMING OFF. */
  readonly startupMs: number | undefined
  readonly totalMs: number | undefined
  readonly rows: number
  readonly loops: number
}

/** A node of a plan. */
export interface PlanNode {
  /** Its place in the plan, from 1, from top to bottom. */
  readonly id: number
  /** As in JSON: `Seq Scan`, `Hash Join`, `Aggregate`. */
  readonly type: string
  /** The table, index-only scans too; with its schema where the plan tells it. */
  readonly relation: string | undefined
  readonly schema: string | undefined
  readonly alias: string | undefined
  readonly index: string | undefined
  /** Inner, Left, Semi …, for joins. */
  readonly joinType: string | undefined
  /** Plain, Sorted, Hashed, Mixed, for aggregates and set operations. */
  readonly strategy: string | undefined
  /** Partial or Finalize, for aggregates of a parallel plan. */
  readonly partialMode: string | undefined
  /** Insert, Update, Delete, Merge, for what changes tables; Except and so on for set operations. */
  readonly operation: string | undefined
  /** `InitPlan 1`, `SubPlan 2`, `CTE name`. */
  readonly subplan: string | undefined
  readonly isParallel: boolean
  readonly isBackward: boolean
  /** Estimates; undefined with COSTS OFF. */
  readonly startupCost: number | undefined
  readonly totalCost: number | undefined
  readonly planRows: number | undefined
  readonly planWidth: number | undefined
  /** Undefined without ANALYZE, and for a node that was never executed. */
  readonly actual: Actual | undefined
  readonly isNeverExecuted: boolean
  /** All else under its name in JSON; lists are joined, zeros and false left out. */
  readonly details: ReadonlyMap<string, string | number>
  readonly children: readonly PlanNode[]
}

/** A trigger that fired. */
export interface Trigger {
  readonly name: string
  readonly ms: number
  readonly calls: number
}

/** A plan, read. */
export interface Plan {
  readonly root: PlanNode
  readonly planningMs: number | undefined
  readonly executionMs: number | undefined
  readonly jitMs: number | undefined
  readonly triggers: readonly Trigger[]
  /** Settings that differ from the defaults and matter for planning. */
  readonly settings: ReadonlyMap<string, string>
  /** The statement, where the plan came with it. */
  readonly query: string | undefined
}

/** Every node, parents before children. */
export function nodesOf(plan: Plan): PlanNode[] {
  const visit = (node: PlanNode): PlanNode[] => [node, ...node.children.flatMap(visit)]
  return visit(plan.root)
}

/** A detail that is a number; 0 when there is none. */
export function amount(node: PlanNode, name: string): number {
  const value = node.details.get(name)
  return typeof value === 'number' ? value : 0
}

/** A detail that is a text. */
export function text(node: PlanNode, name: string): string | undefined {
  const value = node.details.get(name)
  return value === undefined ? undefined : String(value)
}

/** The node in words, as EXPLAIN's text has it: `Hash Left Join`, `Index Scan using i on t a`. */
export function titleOf(node: PlanNode): string {
  const { type, joinType, strategy, partialMode, operation } = node
  const name =
    type === 'Aggregate'
      ? `${partialMode === undefined ? '' : `${partialMode} `}${{ Sorted: 'GroupAggregate', Hashed: 'HashAggregate', Mixed: 'MixedAggregate' }[strategy ?? ''] ?? 'Aggregate'}`
      : type === 'SetOp'
        ? `${strategy === 'Hashed' ? 'HashSetOp' : 'SetOp'} ${operation ?? ''}`.trim()
        : type === 'ModifyTable'
          ? (operation ?? type)
          : joinType === undefined || joinType === 'Inner'
            ? type
            : type === 'Nested Loop'
              ? `Nested Loop ${joinType} Join`
              : type.replace(/ Join$/, ` ${joinType} Join`)
  const relation = [node.schema, node.relation].filter(Boolean).join('.')
  const target =
    relation === ''
      ? node.alias
      : node.alias === undefined || node.alias === node.relation
        ? relation
        : `${relation} ${node.alias}`
  const using =
    node.index === undefined ? '' : type === 'Bitmap Index Scan' ? ` on ${node.index}` : ` using ${node.index}`
  return `${node.isParallel ? 'Parallel ' : ''}${name}${node.isBackward ? ' Backward' : ''}${using}${target === undefined ? '' : ` on ${target}`}`
}
