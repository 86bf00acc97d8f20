// The forest of who waits for whom, of any graph.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lockTree, type Waiter } from '../../dist/top/lock-tree.js'

const graphs = fc
  .array(
    fc.record({
      pid: fc.integer({ min: 1, max: 30 }),
      blockers: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 }),
    }),
    { maxLength: 30 },
  )
  .map((waiters) => [...new Map(waiters.map((waiter) => [waiter.pid, waiter])).values()])

const blockersOf = (waiters: readonly Waiter[], pid: number) =>
  new Set((waiters.find((each) => each.pid === pid)?.blockers ?? []).filter((each) => each !== pid))

test('has everybody once, below one that it waits for, whatever the graph', () => {
  fc.assert(
    fc.property(graphs, (waiters) => {
      const placed = lockTree(waiters)
      const all = new Set(waiters.flatMap(({ pid, blockers }) => [pid, ...blockers]))
      expect(placed.map(({ pid }) => pid).toSorted((a, b) => a - b)).toEqual([...all].toSorted((a, b) => a - b))
      for (const [i, { pid, depth, under, others, behind, isCycle }] of placed.entries()) {
        const blockers = blockersOf(waiters, pid)
        if (under === undefined) {
          expect(depth).toBe(0)
          // A root waits for nobody, or is in a cycle.
          expect(isCycle).toBe(blockers.size > 0)
        } else {
          expect(blockers.has(under)).toBe(true)
          // The one above is the nearest before it that is less deep.
          expect(placed.slice(0, i).findLast((each) => each.depth === depth - 1)?.pid).toBe(under)
        }
        expect(new Set([...others, ...(under === undefined ? [] : [under])])).toEqual(blockers)
        const after = placed.slice(i + 1)
        const end = after.findIndex((each) => each.depth <= depth)
        expect(behind).toBe(end < 0 ? after.length : end)
      }
    }),
    { numRuns: 300 },
  )
})

test('a root that is said to be in a cycle is in one', () => {
  fc.assert(
    fc.property(graphs, (waiters) => {
      for (const { pid } of lockTree(waiters).filter(({ isCycle }) => isCycle)) {
        const reached = new Set<number>()
        const queue = [...blockersOf(waiters, pid)]
        for (const each of queue) {
          if (reached.has(each)) continue
          reached.add(each)
          queue.push(...blockersOf(waiters, each))
        }
        expect(reached.has(pid)).toBe(true)
      }
    }),
  )
})

test('a queue of ten thousand is no matter', () => {
  const waiters = Array.from({ length: 10_000 }, (_, i) => ({ pid: i + 1, blockers: [i] }))
  const placed = lockTree(waiters)
  expect(placed).toHaveLength(10_001)
  expect(placed.at(-1)).toMatchObject({ pid: 10_000, depth: 10_000, behind: 0 })
  expect(placed[0]).toMatchObject({ pid: 0, depth: 0, behind: 10_000 })
})

test('the root with most behind it comes first; two that wait for each other are told', () => {
  expect(
    lockTree([
      { pid: 2, blockers: [1] },
      { pid: 5, blockers: [4] },
      { pid: 6, blockers: [4, 5] },
      { pid: 8, blockers: [9] },
      { pid: 9, blockers: [8] },
    ]).map(({ pid, depth, others, isCycle }) => [pid, depth, others, isCycle]),
  ).toEqual([
    [4, 0, [], false],
    [5, 1, [], false],
    [6, 1, [5], false],
    [1, 0, [], false],
    [2, 1, [], false],
    [8, 0, [9], true],
    [9, 1, [], false],
  ])
})
