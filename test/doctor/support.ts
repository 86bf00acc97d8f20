import type pg from 'pg'
import { expect } from 'vitest'
import { CHECKS } from '../../dist/doctor/checks/index.js'
import { connect } from '../../dist/doctor/connection.js'
import { type Examination, type ExamineOptions, examine } from '../../dist/doctor/examine.js'
import type { CheckResult, Finding } from '../../dist/doctor/finding.js'
import { resolveThresholds, type ThresholdName } from '../../dist/doctor/thresholds.js'

/** Options of an examination in a test: all checks, and the thresholds that it lowers. */
export type DiagnoseOptions = Partial<Omit<ExamineOptions, 'thresholds'>> & {
  readonly thresholds?: Partial<Record<ThresholdName, number>>
}

/** Examines a database with all checks, or those given. */
export async function diagnose(url: string, { thresholds, ...options }: DiagnoseOptions = {}): Promise<Examination> {
  return await examine(() => connect(url, 60_000), {
    checks: CHECKS,
    timeoutMs: 20_000,
    ...options,
    thresholds: resolveThresholds(thresholds),
  })
}

/** The findings of a check. */
export function findingsOf({ results }: Examination, id: string): readonly Finding[] {
  return resultOf({ results }, id).findings
}

/** The result of a check. */
export function resultOf({ results }: Pick<Examination, 'results'>, id: string): CheckResult {
  const found = results.find(({ check }) => check === id)
  if (found === undefined) throw new Error(`${id} was not asked`)
  return found
}

/** Findings of error level, by check. */
export function errorsOf({ results }: Examination): string[] {
  return results.flatMap(({ findings }) => findings.filter(({ level }) => level === 'error').map(({ check }) => check))
}

/** Runs the statements of a remedy as a user would: one by one, outside a transaction. */
export async function cure(client: pg.Client, findings: readonly Finding[]): Promise<void> {
  for (const { remedy, check } of findings) {
    expect(remedy.sql, `${check} has a remedy in SQL`).toBeDefined()
    for (const statement of remedy.sql ?? []) await client.query(statement)
  }
}

/** Makes what the session has counted visible to others. */
export async function flushStatistics(client: pg.Client): Promise<void> {
  await client.query('select pg_stat_force_next_flush()')
  await client.query('select 1')
}
