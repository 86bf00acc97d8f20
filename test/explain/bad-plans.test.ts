import { expect, test } from 'vitest'
import { readPlan } from '../../dist/explain/read.js'
import { failure } from '../setup/index.js'

const TEXT = `                                QUERY PLAN
--------------------------------------------------------------------------
 Hash Join  (cost=1.09..2.19 rows=4 width=8) (actual time=0.03..0.04 rows=4 loops=1)
   Hash Cond: (a.id = b.id)
   ->  Seq Scan on a  (cost=0.00..1.04 rows=4 width=4) (actual time=0.00..0.00 rows=4 loops=1)
   ->  Hash  (cost=1.04..1.04 rows=4 width=4) (actual time=0.01..0.01 rows=4 loops=1)
         Buckets: 1024  Batches: 1  Memory Usage: 9kB
         ->  Seq Scan on b  (cost=0.00..1.04 rows=4 width=4) (actual time=0.00..0.00 rows=4 loops=1)
 Planning Time: 0.1 ms
 Execution Time: 0.1 ms
(8 rows)
`

const SCAN = 'Seq Scan on a  (cost=0.00..1.04 rows=4 width=4)'

const read = (text: string) =>
  failure(
    Promise.resolve().then(() => readPlan(text)),
    'INPUT_INVALID',
  )

test('a whole text is read', () => {
  expect(readPlan(TEXT)).toMatchObject({
    executionMs: 0.1,
    root: { type: 'Hash Join', children: [{ relation: 'a' }, { type: 'Hash' }] },
  })
})

test("psql's frame around JSON, and the quotes of other tools, are taken off", () => {
  const json = JSON.stringify([{ Plan: { 'Node Type': 'Result' } }], null, 2)
  expect(readPlan(`  QUERY PLAN  \n-----------\n${json.replaceAll('\n', ' +\n')}\n(1 row)\n`).root.type).toBe('Result')
  expect(
    readPlan("\"Seq Scan on a  (cost=0.00..1.04 rows=4 width=4)\"\n\"  Filter: (name = '''x''')\"").root.relation,
  ).toBe('a')
})

test.each([
  ['cut in a line', TEXT.slice(0, TEXT.indexOf('rows=4 width=4) (actual time=0.01') + 4), /cut off/],
  ['cut before an input', TEXT.slice(0, TEXT.indexOf('   ->  Hash')), /cut off: Hash Join lacks an input/],
  [
    'cut before the last node',
    TEXT.slice(0, TEXT.indexOf('         ->  Seq Scan on b')),
    /cut off: Hash lacks an input/,
  ],
  ['cut in the name of a property', `${SCAN}\n  Fil`, /line 2 is cut off: "Fil"/],
  ['cut behind the name of a property', `${SCAN}\n  Filter:`, /line 2 is cut off: "Filter:"/],
  ['cut in a condition', `${SCAN}\n  Filter: (a = ANY ('{1,2`, /line 2 is cut off/],
  ['cut JSON', JSON.stringify([{ Plan: { 'Node Type': 'Result' } }]).slice(0, 20), /JSON is cut off/],
  ['JSON that is no plan', '{"a": 1}', /no member "Plan"/],
  ['JSON with a node without a type', '[{"Plan": {}}]', /no "Node Type"/],
  ['nothing', ' \n', /empty/],
  ['prose', 'the quick brown fox', /no plan in the text/],
  ['XML', '<explain xmlns="x"><Query></Query></explain>', /XML or YAML/],
  ['bytes', 'Seq Scan\0on a', /binary/],
])('%s is refused with a clear message', async (_, text, message) => {
  expect((await read(text)).message).toMatch(message)
})

test('a whole text that ends with a condition, a name of one word or a node is read', () => {
  for (const end of ["Filter: (a = ANY ('{1,2}'::integer[]))", "Filter: (name = '(a'::text)", 'Heap Blocks: exact=3'])
    expect(readPlan(`${SCAN}\n  ${end}\n`).root.relation).toBe('a')
  expect(readPlan('Limit\n  ->  Result\n').root.type).toBe('Limit')
  expect(readPlan('Result\n').root.type).toBe('Result')
})

test('a deep plan is refused, and does not exhaust the stack', async () => {
  const open = '{"Node Type":"Limit","Plans":['.repeat(3000)
  const text = `[{"Plan":${open}{"Node Type":"Result"}${']}'.repeat(3000)}}]`
  expect((await read(text)).message).toMatch(/nested more than/)
})
