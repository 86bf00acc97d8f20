import { createRequire } from 'node:module'
import Ajv from 'ajv-draft-04'
import addFormats from 'ajv-formats'
import { expect, test } from 'vitest'
import { lint } from '../../dist/lint/lint.js'
import { markdownReport } from '../../dist/lint/reports/markdown.js'
import { sarifReport } from '../../dist/lint/reports/sarif.js'
import { textReport } from '../../dist/lint/reports/text.js'
import { Source } from '../../dist/lint/source.js'

const schema = createRequire(import.meta.url)('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json') as object
const same = (text: string) => text
const PAINT = { bold: same, dim: same, red: same, yellow: same, cyan: same }

const SOURCES = [
  new Source(
    'a folder/ä.sql',
    'sql',
    `${' '.repeat(200)}truncate jobs;\n-- pgfleet-lint ignore drop-table: it is empty\ndrop table old;\ncreate index i on jobs (name);`,
  ),
  new Source('/absolute/postgresql.conf', 'postgresql.conf', 'password_encryption = md5\nwrok_mem = 4MB'),
]

test('the report is SARIF 2.1.0, with suppressions and fixes', async () => {
  const report = await lint(SOURCES, { version: 18 })
  const sarif = sarifReport(report, 'info', '1.2.3')
  const ajv = new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false })
  addFormats.default(ajv)
  const isValid = ajv.compile(schema)
  expect(isValid(sarif), JSON.stringify(isValid.errors)).toBe(true)
  const [run] = sarif.runs as { results: Record<string, unknown>[]; tool: { driver: { rules: { id: string }[] } } }[]
  expect(run?.results.filter((result) => result.suppressions !== undefined)).toMatchObject([{ ruleId: 'drop-table' }])
  expect(run?.results.filter((result) => result.fixes !== undefined).map((result) => result.ruleId)).toEqual([
    'index-without-concurrently',
    'password-encryption-md5',
  ])
  for (const result of run?.results ?? [])
    expect(run?.tool.driver.rules[result.ruleIndex as number]?.id).toBe(result.ruleId)
  expect(JSON.stringify(sarif)).toContain('a%20folder/%C3%A4.sql')
})

test('the report for people fits in 80 columns, with a caret below the place', async () => {
  const report = await lint(SOURCES, { version: 18 })
  const text = textReport(report, { level: 'info', width: 80, paint: PAINT })
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  const lines = text.split('\n')
  const caret = lines.findIndex((line) => /\^$/.test(line))
  expect(lines[caret - 1]?.slice(lines[caret]?.indexOf('^'))).toMatch(/^jobs/)
  expect(text).toMatch(/\d+ errors?, \d+ warnings? in 2 files/)
})

test('Markdown keeps what looks like markup as it is', async () => {
  const report = await lint([new Source('a|b.sql', 'sql', 'drop table "<b>"')], { version: 18 })
  expect(markdownReport(report, 'info')).toContain('| a\\|b.sql:1:1 |')
  expect(markdownReport(report, 'info')).not.toContain('<b>')
})
