import type { LintReport } from '../lint.js'
import type { Level } from '../rule.js'
import { isAtLeast, summary } from './text.js'

/** The report as Markdown: a table of the findings, and a line that sums up. */
export function markdownReport(report: LintReport, level: Level): string {
  const shown = report.findings.filter(({ finding }) => isAtLeast(finding.level, level))
  const cell = (text: string) => text.replaceAll(/[\\|<>`*_[\]]/g, '\\$&').replaceAll(/\s+/g, ' ')
  const rows = shown.map(
    ({ finding: { path, line, column, level: of, rule, message, remedy } }) =>
      `| ${cell(`${path}:${line}:${column}`)} | ${of} | ${rule} | ${cell(message)} | ${cell(remedy)} |`,
  )
  const table = ['| Where | Level | Rule | What | What to do |', '|---|---|---|---|---|', ...rows]
  return [...(rows.length > 0 ? [...table, ''] : []), summary(report, level)].join('\n')
}
