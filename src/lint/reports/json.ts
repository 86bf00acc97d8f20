import type { LintReport } from '../lint.js'
import type { Finding, Level } from '../rule.js'
import { isAtLeast } from './text.js'

/** The report as `--json` prints it. */
export interface JsonReport {
  readonly findings: readonly Finding[]
  readonly suppressed: readonly Finding[]
  readonly files: number
  readonly statements: number
}

/** The report for programs, findings at or above a level. */
export function jsonReport(report: LintReport, level: Level): JsonReport {
  return {
    findings: report.findings.map(({ finding }) => finding).filter((each) => isAtLeast(each.level, level)),
    suppressed: report.suppressed.map(({ finding }) => finding),
    files: report.files,
    statements: report.statements,
  }
}
