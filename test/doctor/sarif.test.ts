// The report as SARIF against the schema of the standard, with findings of every check that has one in SQL and in words.
import { createRequire } from 'node:module'
import Ajv from 'ajv-draft-04'
import addFormats from 'ajv-formats'
import { expect, test } from 'vitest'
import { CHECKS } from '../../dist/doctor/checks/index.js'
import type { Examination } from '../../dist/doctor/examine.js'
import { type CheckResult, toFinding } from '../../dist/doctor/finding.js'
import { createReport } from '../../dist/doctor/report/report.js'
import { toSarif } from '../../dist/doctor/report/sarif.js'

const schema = createRequire(import.meta.url)('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json') as object
const ajv = new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false })
addFormats.default(ajv)
const isValid = ajv.compile(schema)

const results = CHECKS.map((check, n): CheckResult => {
  const blind = n % 5 === 0
  return {
    ...{ check: check.id, scope: check.scope, total: 2, examined: blind ? 0 : 2, milliseconds: 1 },
    outcome: blind ? 'could-not-look' : 'finding',
    ...(blind ? { reason: 'the login may not “see” it' } : {}),
    findings: blind
      ? []
      : [
          toFinding(
            check,
            {
              object: `table "Ä|s".t${n}`,
              summary: 'One of two:\nnot well.',
              evidence: ['select ? from t', ''],
              remedy: {
                text: 'Mend it.',
                ...(n % 2 === 0 ? { sql: ['analyze t'] } : {}),
                lock: 'none',
                undo: 'none needed',
              },
            },
            undefined,
          ),
        ],
  }
})
const examination: Examination = {
  server: {
    ...{ major: 17, version: '17.11', database: 'a database', user: 'monitor', superuser: false, monitor: true },
    ...{ inRecovery: false, now: new Date(), startedAt: new Date(0), tables: 1, indexes: 1, bytes: 1, extensions: {} },
    ...{
      relations: [],
      provider: null,
      settings: {},
      memoryBytes: undefined,
      databaseBytes: 1,
      clock: { ahead: 0, within: 0.1 },
    },
  },
  results,
  milliseconds: 1,
}

test('a report is SARIF 2.1.0: with findings of all checks, and with none', () => {
  const sarif = toSarif(createReport('postgres://db.example/shop', examination), CHECKS, '1.2.3')
  expect(isValid(sarif), JSON.stringify(isValid.errors)).toBe(true)
  const [run] = (
    sarif as { runs: { results: { ruleIndex: number; ruleId: string }[]; tool: { driver: { rules: object[] } } }[] }
  ).runs
  expect(run?.results).toHaveLength(results.filter(({ findings }) => findings.length > 0).length)
  for (const { ruleId, ruleIndex } of run?.results ?? [])
    expect(run?.tool.driver.rules[ruleIndex]).toMatchObject({ id: ruleId })
  const nothing = toSarif(createReport('x', { ...examination, results: [] }), CHECKS, '1.2.3')
  expect(isValid(nothing), JSON.stringify(isValid.errors)).toBe(true)
})

test('and the schema refuses what is none', () => {
  expect(isValid({ version: '2.1.0', runs: [{ results: [{ level: 'info' }] }] })).toBe(false)
})
