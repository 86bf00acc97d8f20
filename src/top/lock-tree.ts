/** A session, and those that it waits for. */
export interface Waiter {
  readonly pid: number
  readonly blockers: readonly number[]
}

/** A place in the forest of who waits for whom. */
export interface Placed {
  readonly pid: number
  /** 0 for one that waits for nobody. */
  readonly depth: number
  /** The one above it; undefined for a root. */
  readonly under: number | undefined
  /** The others that it waits for too. */
  readonly others: readonly number[]
  /** How many wait for it, directly or behind others. */
  readonly behind: number
  /** A root that waits all the same: they wait for each other. */
  readonly isCycle: boolean
}

/**
 * The forest of who waits for whom, each session once, below the blocker that is nearest to a root; the root with most behind
 * it first. Of sessions that wait for each other in a circle one is taken for the root, and said to be in a cycle.
 */
export function lockTree(waiters: readonly Waiter[]): readonly Placed[] {
  const blockersOf = new Map<number, readonly number[]>()
  for (const { pid, blockers } of waiters)
    blockersOf.set(
      pid,
      [...new Set(blockers)].filter((each) => each !== pid),
    )
  for (const blockers of [...blockersOf.values()]) {
    for (const pid of blockers) if (!blockersOf.has(pid)) blockersOf.set(pid, [])
  }
  const behind = new Map<number, number[]>([...blockersOf.keys()].map((pid) => [pid, []]))
  for (const [pid, blockers] of blockersOf) for (const blocker of blockers) behind.get(blocker)?.push(pid)

  const above = new Map<number, number | undefined>()
  const cycles = new Set<number>()
  const spread = (roots: readonly number[]) => {
    const queue = [...roots]
    for (const root of roots) above.set(root, undefined)
    // The queue grows while it is read: nearest first.
    for (const pid of queue) {
      for (const each of behind.get(pid) ?? []) {
        if (above.has(each)) continue
        above.set(each, pid)
        queue.push(each)
      }
    }
  }
  spread([...blockersOf].flatMap(([pid, blockers]) => (blockers.length === 0 ? [pid] : [])))
  for (const pid of blockersOf.keys()) {
    if (above.has(pid)) continue
    const root = onCycle(pid, blockersOf)
    cycles.add(root)
    spread([root])
  }
  return flatten(above, blockersOf, cycles)
}

/** Goes from blocker to blocker until one comes twice: it is on a cycle. All that are not placed yet lead to one. */
function onCycle(start: number, blockersOf: ReadonlyMap<number, readonly number[]>): number {
  const seen = new Set<number>()
  let pid = start
  while (!seen.has(pid)) {
    seen.add(pid)
    // A blocker that is placed would have placed this one.
    pid = blockersOf.get(pid)?.[0] ?? pid
  }
  return pid
}

function flatten(
  above: ReadonlyMap<number, number | undefined>,
  blockersOf: ReadonlyMap<number, readonly number[]>,
  cycles: ReadonlySet<number>,
): readonly Placed[] {
  const below = new Map<number, number[]>([...above.keys()].map((pid) => [pid, []]))
  for (const [pid, parent] of above) if (parent !== undefined) below.get(parent)?.push(pid)
  // Parents were placed before their children, so the reverse order sums up.
  const sizes = new Map<number, number>()
  for (const [pid, parent] of [...above].reverse()) {
    sizes.set(pid, sizes.get(pid) ?? 0)
    if (parent !== undefined) sizes.set(parent, (sizes.get(parent) ?? 0) + (sizes.get(pid) ?? 0) + 1)
  }
  const bySize = (a: number, b: number) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0) || a - b
  const roots = [...above].flatMap(([pid, parent]) => (parent === undefined ? [pid] : [])).toSorted(bySize)
  const stack = roots.toReversed().map((pid) => ({ pid, depth: 0 }))
  const placed: Placed[] = []
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { pid, depth } = next
    const under = above.get(pid)
    const others = (blockersOf.get(pid) ?? []).filter((each) => each !== under)
    placed.push({ pid, depth, under, others, behind: sizes.get(pid) ?? 0, isCycle: cycles.has(pid) })
    const children = (below.get(pid) ?? []).toSorted(bySize).toReversed()
    stack.push(...children.map((child) => ({ pid: child, depth: depth + 1 })))
  }
  return placed
}
