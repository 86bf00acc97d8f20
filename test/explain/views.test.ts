import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { expect, test } from 'vitest'
import { findProblems } from '../../dist/explain/problems/index.js'
import { readPlan } from '../../dist/explain/read.js'
import { htmlView } from '../../dist/explain/views/html.js'
import { treeView } from '../../dist/explain/views/tree.js'

const same = (text: string) => text
const PAINT = { bold: same, dim: same, red: same, yellow: same, cyan: same }

const EVIL = `</style><script>alert('x')</script>"&`
const plan = readPlan(
  JSON.stringify([
    {
      Plan: {
        'Node Type': 'Nested Loop',
        'Join Type': 'Left',
        'Startup Cost': 0,
        'Total Cost': 9,
        'Plan Rows': 10,
        'Plan Width': 4,
        'Actual Startup Time': 0,
        'Actual Total Time': 100,
        'Actual Rows': 10,
        'Actual Loops': 1,
        Plans: [
          {
            'Node Type': 'Seq Scan',
            'Relation Name': EVIL,
            Alias: 'a',
            Filter: `(name = '${EVIL}')`,
            'Rows Removed by Filter': 90000,
            'Actual Startup Time': 0,
            'Actual Total Time': 75,
            'Actual Rows': 10,
            'Actual Loops': 1,
            'Plan Rows': 10,
          },
          {
            'Node Type': 'Index Scan',
            'Index Name': 'a_very_long_name_of_an_index_on_a_table_with_a_long_name',
            'Relation Name': 'b',
            Alias: 'another_long_alias',
            'Actual Startup Time': 0,
            'Actual Total Time': 1,
            'Actual Rows': 1,
            'Actual Loops': 10,
            'Plan Rows': 1,
          },
        ],
      },
      'Planning Time': 0.5,
      'Execution Time': 100,
    },
  ]),
)
const problems = findProblems(plan)

test('the tree fits in 80 columns, with times, shares and rows', () => {
  const text = treeView(plan, problems, { width: 80, paint: PAINT })
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  expect(text).toMatch(/75\.0 +75 % █+ +10 → 10 +├ Seq Scan on/)
  expect(text).toMatch(/10\.0 +10 % █ +1 → 1×10 +└ Index Scan using/)
  expect(text).toContain('[1] critical: A sequential scan')
})

test('a plan without ANALYZE shows costs, and says what it lacks', () => {
  const text = treeView(readPlan('Seq Scan on a  (cost=0.00..17.04 rows=4 width=4)'), [], { width: 80, paint: PAINT })
  expect(text).toMatch(/17 +4 +Seq Scan on a/)
  expect(text).toContain('without ANALYZE')
})

test('the page is well-formed, escaped, and takes nothing from elsewhere', () => {
  const page = htmlView(plan, problems, { title: EVIL, query: EVIL })
  const document = page
    .replace('<!doctype html>', '')
    .replaceAll(/<meta ([^>]*)>/g, '<meta $1/>')
    .replaceAll('<br>', '<br/>')
    .replaceAll('<details open', '<details open=""')
  expect(XMLValidator.validate(document)).toBe(true)
  expect(page).not.toMatch(/<script|javascript:|<link|<img|@import|url\(|src=/i)
  expect([...page.matchAll(/href="([^"]*)"/g)].map(([, to]) => to)).toEqual(['#node-2'])
  expect(page).toContain('prefers-color-scheme: dark')
  const html = new XMLParser({ ignoreAttributes: false }).parse(document).html
  expect(html.head.title).toContain('alert')
  expect(page.match(/<details open/g)).toHaveLength(3)
})
