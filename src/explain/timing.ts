import { amount, nodesOf, type Plan, type PlanNode } from './plan.js'

/** Where the time of a plan went. */
export interface Timing {
  /** Milliseconds of the whole; undefined without ANALYZE and times. */
  readonly totalMs: number | undefined
  /** Milliseconds of a node with what is below it. */
  ms(node: PlanNode): number | undefined
  /** Milliseconds of a node alone. */
  selfMs(node: PlanNode): number | undefined
  /** The node's own part of the whole, 0 to 1. */
  share(node: PlanNode): number | undefined
}

/** Works out times: a node's are those of one loop, those of parallel workers run at once, and a CTE's run where it is read. */
export function timingOf(plan: Plan): Timing {
  const total = new Map<PlanNode, number>()
  const self = new Map<PlanNode, number>()
  const visit = (node: PlanNode, processes: number) => {
    // Below a Gather each loop ran in a process of its own.
    const inside = /^Gather/.test(node.type) ? amount(node, 'Workers Launched') + 1 : processes
    const { actual } = node
    if (actual?.totalMs !== undefined)
      total.set(node, (actual.totalMs * actual.loops) / Math.min(processes, actual.loops))
    for (const child of node.children) visit(child, inside)
  }
  visit(plan.root, 1)
  const nodes = nodesOf(plan)
  for (const node of nodes) {
    const own = total.get(node)
    if (own === undefined) continue
    const below = node.children
      .filter(({ subplan }) => subplan?.startsWith('CTE ') !== true)
      .reduce((sum, child) => sum + (total.get(child) ?? 0), 0)
    const common = node.type === 'CTE Scan' ? cteTime(node, nodes, total) : 0
    self.set(node, Math.max(0, own - below - common))
  }
  const whole = total.get(plan.root)
  return {
    totalMs: whole === undefined ? undefined : Math.max(whole, plan.executionMs ?? 0),
    ms: (node) => total.get(node),
    selfMs: (node) => self.get(node),
    share: (node) => {
      const own = self.get(node)
      return own === undefined || whole === undefined || whole === 0 ? undefined : Math.min(1, own / whole)
    },
  }
}

/** The first scan of a CTE is what runs it. */
function cteTime(scan: PlanNode, nodes: readonly PlanNode[], total: ReadonlyMap<PlanNode, number>): number {
  const name = scan.details.get('CTE Name') ?? scan.relation ?? scan.alias
  const cte = nodes.find(({ subplan }) => subplan === `CTE ${name}`)
  const first = nodes.find((each) => each.type === 'CTE Scan' && (each.alias === scan.alias || each === scan))
  return cte === undefined || first !== scan ? 0 : Math.min(total.get(cte) ?? 0, total.get(scan) ?? 0)
}
