import { describe, expect, test } from 'vitest'
import { findProblems, PROBLEM_KINDS } from '../../dist/explain/problems/index.js'
import { readPlan } from '../../dist/explain/read.js'

/** A plan in PostgreSQL's JSON; members that are not given are those of an ordinary node. */
interface Given {
  readonly [member: string]: unknown
}

const node = (type: string, rows: number, ms: number, more: Given = {}, ...plans: Given[]): Given => ({
  'Node Type': type,
  'Startup Cost': 0,
  'Total Cost': 100,
  'Plan Rows': rows,
  'Plan Width': 8,
  'Actual Startup Time': 0,
  'Actual Total Time': ms,
  'Actual Rows': rows,
  'Actual Loops': 1,
  ...more,
  ...(plans.length === 0 ? {} : { Plans: plans }),
})

const found = (plan: Given, top: Given = {}) =>
  findProblems(readPlan(JSON.stringify([{ Plan: plan, 'Planning Time': 0.1, 'Execution Time': 100, ...top }])))

const scan = (name: string, rows: number, more: Given = {}) =>
  node('Seq Scan', rows, 50, { 'Relation Name': name, Alias: name, ...more })
const PLAIN = scan('t', 100)

/** A plan that has the problem, and one that comes near it. */
const CASES: Readonly<Record<string, readonly [bad: readonly [Given, Given?], good: readonly [Given, Given?]]>> = {
  'aggregate-spills': [
    [node('Aggregate', 9, 9, { Strategy: 'Hashed', 'Disk Usage': 9000, 'HashAgg Batches': 5 }, PLAIN)],
    [node('Aggregate', 9, 9, { Strategy: 'Hashed', 'Disk Usage': 0, 'HashAgg Batches': 1 }, PLAIN)],
  ],
  'disabled-node': [[scan('t', 5, { Disabled: true })], [scan('t', 5, { Disabled: false })]],
  'generic-plan': [
    [scan('t', 5000, { 'Plan Rows': 5, Filter: '(a = $1)' })],
    [scan('t', 50, { 'Plan Rows': 30, Filter: '(a = $1)' })],
  ],
  'hash-spills': [
    [node('Hash', 9, 9, { 'Hash Batches': 8, 'Original Hash Batches': 1 }, PLAIN)],
    [node('Hash', 9, 9, { 'Hash Batches': 1 }, PLAIN)],
  ],
  'heap-fetches': [
    [node('Index Only Scan', 5000, 9, { 'Heap Fetches': 4000 })],
    [node('Index Only Scan', 50000, 9, { 'Heap Fetches': 1000 })],
  ],
  'index-scan-removes-rows': [
    [node('Index Scan', 10, 9, { 'Rows Removed by Filter': 5000, Filter: '(a = 1)' })],
    [node('Index Scan', 5000, 9, { 'Rows Removed by Filter': 5000, Filter: '(a = 1)' })],
  ],
  'jit-time': [
    [PLAIN, { JIT: { Functions: 3, Timing: { Total: 40 } } }],
    [PLAIN, { JIT: { Functions: 3, Timing: { Total: 4 } } }],
  ],
  'large-offset': [[node('Limit', 10, 60, {}, scan('t', 20000))], [node('Limit', 10, 60, {}, scan('t', 110))]],
  'late-join-filter': [
    [
      node(
        'Nested Loop',
        5,
        60,
        { 'Join Type': 'Inner', 'Rows Removed by Join Filter': 90000, 'Join Filter': '(a OR b)' },
        PLAIN,
        PLAIN,
      ),
    ],
    [node('Nested Loop', 5, 60, { 'Join Type': 'Inner', 'Rows Removed by Join Filter': 90 }, PLAIN, PLAIN)],
  ],
  'limit-on-wrong-index': [
    [node('Limit', 10, 60, {}, node('Index Scan', 10, 60, { 'Index Name': 'i', 'Rows Removed by Filter': 90000 }))],
    [node('Limit', 10, 60, {}, node('Index Scan', 10, 60, { 'Index Name': 'i', 'Rows Removed by Filter': 90 }))],
  ],
  'lossy-bitmap': [
    [node('Bitmap Heap Scan', 9, 9, { 'Lossy Heap Blocks': 400 }, node('Bitmap Index Scan', 9, 1))],
    [node('Bitmap Heap Scan', 9, 9, { 'Exact Heap Blocks': 400 }, node('Bitmap Index Scan', 9, 1))],
  ],
  'many-index-searches': [
    [node('Index Scan', 5, 9, { 'Index Searches': 5000 })],
    [node('Index Scan', 5, 9, { 'Index Searches': 1 })],
  ],
  'memoize-evicts': [
    [node('Memoize', 1, 9, { 'Cache Hits': 5, 'Cache Misses': 500, 'Cache Evictions': 400 }, PLAIN)],
    [node('Memoize', 1, 9, { 'Cache Hits': 900, 'Cache Misses': 50, 'Cache Evictions': 0 }, PLAIN)],
  ],
  'nested-loop-repeats': [
    [
      node(
        'Nested Loop',
        5,
        90,
        { 'Join Type': 'Inner' },
        PLAIN,
        node('Index Scan', 1, 0.01, { 'Actual Loops': 5000 }),
      ),
    ],
    [node('Nested Loop', 5, 90, { 'Join Type': 'Inner' }, PLAIN, node('Index Scan', 1, 0.01, { 'Actual Loops': 50 }))],
  ],
  'partitions-not-pruned': [
    [node('Append', 5, 9, {}, scan('a', 5), scan('b', 0), scan('c', 0), scan('d', 0))],
    [node('Append', 5, 9, {}, scan('a', 5), scan('b', 3), scan('c', 2), scan('d', 0))],
  ],
  'planning-over-execution': [
    [PLAIN, { 'Planning Time': 80, 'Execution Time': 2 }],
    [PLAIN, { 'Planning Time': 1, 'Execution Time': 0.5 }],
  ],
  'rows-misestimated': [
    [scan('t', 100000, { 'Plan Rows': 10 })],
    [node('Limit', 10, 9, {}, scan('t', 10, { 'Plan Rows': 100000 }))],
  ],
  'seq-scan-removes-rows': [
    [scan('t', 10, { 'Rows Removed by Filter': 90000, Filter: '(a = 1)' })],
    [scan('t', 50000, { 'Rows Removed by Filter': 40000, Filter: '(a = 1)' })],
  ],
  'sort-spills': [
    [
      node(
        'Sort',
        9,
        9,
        { 'Sort Method': 'external merge', 'Sort Space Used': 9000, 'Sort Space Type': 'Disk' },
        PLAIN,
      ),
    ],
    [node('Sort', 9, 9, { 'Sort Method': 'quicksort', 'Sort Space Used': 25, 'Sort Space Type': 'Memory' }, PLAIN)],
  ],
  'subplan-per-row': [
    [scan('t', 5000, { Plans: [node('Index Scan', 1, 0.01, { 'Subplan Name': 'SubPlan 1', 'Actual Loops': 5000 })] })],
    [scan('t', 50, { Plans: [node('Index Scan', 1, 0.01, { 'Subplan Name': 'SubPlan 1', 'Actual Loops': 50 })] })],
  ],
  'trigger-time': [
    [PLAIN, { Triggers: [{ 'Trigger Name': 'audit', Time: 60, Calls: 500 }] }],
    [PLAIN, { Triggers: [{ 'Trigger Name': 'audit', Time: 0.5, Calls: 5 }] }],
  ],
  'workers-missing': [
    [node('Gather', 9, 60, { 'Workers Planned': 4, 'Workers Launched': 1 }, PLAIN)],
    [node('Gather', 9, 60, { 'Workers Planned': 2, 'Workers Launched': 2 }, PLAIN)],
  ],
}

test('every kind of problem has a case', () => {
  expect(Object.keys(CASES)).toEqual(PROBLEM_KINDS.map(({ id }) => id))
})

describe.each(Object.entries(CASES))('%s', (id, [bad, good]) => {
  test('is seen, with evidence and a remedy', () => {
    const problem = found(...bad).find((each) => each.id === id)
    expect(problem).toMatchObject({ evidence: expect.stringMatching(/\S/), remedy: expect.stringMatching(/\S/) })
  })

  test('is not seen where there is none', () => {
    expect(found(...good).map((each) => each.id)).not.toContain(id)
  })
})

test('the gravest come first, and each names its node', () => {
  const plan = node(
    'Sort',
    9,
    90,
    { 'Sort Method': 'external merge', 'Sort Space Type': 'Disk' },
    scan('t', 10, { 'Rows Removed by Filter': 90000 }),
  )
  expect(found(plan).map(({ level, node: at }) => [level, at])).toEqual([
    ['critical', 2],
    ['warning', 1],
  ])
})

test('an ordinary plan has no problem', () => {
  expect(found(node('Limit', 5, 1, {}, node('Index Scan', 5, 1, { 'Index Name': 'i' })))).toEqual([])
})
