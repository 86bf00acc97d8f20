// Statements as they are planned, files of them, and what is read out of them.
import { beforeAll, describe, expect, test } from 'vitest'
import { indexExpression } from '../../dist/indexing/expression.js'
import { planText } from '../../dist/indexing/plan-text.js'
import { formatScript } from '../../dist/indexing/report/script.js'
import { parseWorkload } from '../../dist/indexing/workload-file.js'
import { loadParser, parseExpression } from '../../dist/lint/sql/parser.js'
import { as } from '../../dist/lint/sql/tree.js'

beforeAll(loadParser)

const statement = (query: string, rows?: number) => ({
  query,
  calls: 1,
  milliseconds: 1,
  ...(rows === undefined ? {} : { rows }),
})

describe('a plan', () => {
  test('gives LIMIT the rows that came back, and counts the parameters again', () => {
    expect(planText(statement('select * from t where a = $1 order by b limit $2', 9.5))).toEqual({
      text: 'select * from t where a = $1 order by b limit 10',
      parameters: 1,
    })
    expect(planText(statement("select 'ö😀', $1 from t limit $2 offset $3", 5))).toEqual({
      text: "select 'ö😀', $1 from t limit 5 offset $2",
      parameters: 2,
    })
  })

  test('keeps what it cannot tell', () => {
    expect(planText(statement('select * from t where a = $2 or b = $2 limit $2', 5))?.text).toBe(
      'select * from t where a = $1 or b = $1 limit $1',
    )
    expect(planText(statement('select 1; drop table t'))).toBeUndefined()
    expect(planText(statement('selec'))).toBeUndefined()
  })
})

describe('a file', () => {
  test('has statements, and before each what is known of it', () => {
    const { statements } = parseWorkload(
      '-- calls: 1200\n-- mean: 3.5 ms\n-- role: app\nselect 1;\n\nupdate t set a = 2;',
      'w.sql',
    )
    expect(statements).toEqual([
      { query: 'select 1', calls: 1200, milliseconds: 4200, role: 'app' },
      { query: 'update t set a = 2', calls: undefined, milliseconds: undefined },
    ])
  })

  test.each([
    ['', 'there is no statement in it'],
    ['select 1;\nselec 2;', 'line 2: syntax error'],
    ['select 1;\n\ncreate table t ();', 'line 3: only select'],
  ])('%j is refused with its line', (text, message) => {
    expect(() => parseWorkload(text, 'w.sql')).toThrow(message)
  })
})

test.each([
  ['lower(email)', 'lower(email)'],
  ["data ->> 'a''b'", "(data ->> 'a''b')"],
  [`coalesce("First", '') || ' ' || last`, `((coalesce("First", '') || ' ') || last)`],
  ['(a + 1) * 2', '((a + 1) * 2)'],
  ["to_tsvector('english', body)", "to_tsvector('english', body)"],
  ['data ->> $1', undefined],
  ['(select a)', undefined],
  ['1 + 1', undefined],
  ['count(*)', undefined],
])('the expression %s is written as %s', (text, expected) => {
  const select = as(parseExpression(text), 'SelectStmt')
  expect(indexExpression(as(select?.targetList?.[0], 'ResTarget')?.val)?.text).toBe(expected)
})

test('a script holds what drops as comments', () => {
  const script = formatScript({
    database: 'd',
    version: '17',
    at: new Date(0),
    imagined: true,
    workload: {
      source: 'file',
      since: null,
      statements: 1,
      planned: 1,
      unplanned: [],
      hidden: 0,
      seldom: 0,
      savedShare: 0,
    },
    observation: { seconds: 1, wanted: 1, standbys: 0, replicas: 0 },
    create: [],
    rejected: [],
    drop: [
      {
        table: 't',
        index: 'gone',
        definition: 'x',
        bytes: 1,
        scans: 0,
        kind: 'unused',
        by: null,
        keptBecause: null,
        planned: 1,
        sql: ['drop index concurrently gone'],
        undo: 'u',
      },
      {
        table: 't',
        index: 'kept',
        definition: 'x',
        bytes: 1,
        scans: 0,
        kind: 'unused',
        by: null,
        keptBecause: 'r',
        planned: 1,
        sql: [],
        undo: 'u',
      },
    ],
    invalid: [],
    hot: [],
    notes: [],
  })
  expect(script).toContain('-- drop index concurrently gone;')
  expect(script).not.toMatch(/^drop/m)
  expect(script).not.toContain('kept')
})
