import { LEVELS, type Level } from '../check.js'
import { bytes, count, counted } from '../figures.js'
import { atLeast, byCheck, type Report, tally } from './report.js'

/** The report as Markdown, for a ticket or a merge request. */
export function formatMarkdown(report: Report, why: (check: string) => string, level: Level = 'info'): string {
  const { database, server, findings, results } = report
  const sums = tally(report)
  const lines = [
    `# Examination of ${plain(database)}`,
    '',
    `PostgreSQL ${server.version}, ${counted(server.tables, 'table')}, ${count(server.indexes)} indexes, ${bytes(server.bytes)}; ${report.examinedAt.toISOString()}, as ${plain(server.user)}.`,
    '',
    `${counted(sums.error, 'error')}, ${counted(sums.warning, 'warning')}, ${sums.info} worth knowing. ${counted(sums.checks, 'check')}: ${sums.ok} found nothing, ${sums.notApplicable} do not apply, ${sums.couldNotLook} could not look.`,
  ]
  for (const each of LEVELS) {
    const groups = byCheck(findings.filter((finding) => finding.level === each && atLeast(each, level)))
    if (groups.length > 0) lines.push('', `## ${{ error: 'Errors', warning: 'Warnings', info: 'Worth knowing' }[each]}`)
    for (const group of groups) {
      const [first] = group
      if (first === undefined) continue
      lines.push('', `### ${first.title} (\`${first.check}\`)`, '', why(first.check))
      for (const { summary, evidence, remedy, fingerprint } of group) {
        lines.push('', `- **${plain(summary)}**`, ...evidence.map((line) => `  - ${plain(line)}`))
        lines.push(`  - Fix: ${plain(remedy.text)}`)
        if (remedy.sql !== undefined) {
          lines.push('', '    ```sql', ...remedy.sql.map((statement) => `    ${statement};`), '    ```', '')
        }
        lines.push(`  - Lock: ${plain(remedy.lock)}. Undo: ${plain(remedy.undo)}.`, `  - \`${fingerprint}\``)
      }
    }
  }
  const blind = results.filter(({ outcome, examined, total }) => outcome === 'could-not-look' || examined < total)
  if (blind.length > 0) {
    lines.push('', '## Could not look', '', '| check | examined | reason |', '|---|---|---|')
    for (const { check, outcome, examined, total, scope, reason = '' } of blind) {
      const coverage = outcome === 'could-not-look' ? 'nothing' : `${examined} of ${total} ${scope}`
      lines.push(`| \`${check}\` | ${coverage} | ${plain(reason).replaceAll('|', '\\|')} |`)
    }
  }
  return lines.join('\n')
}

/** Names of tables may hold what Markdown would take for markup. */
const plain = (text: string) => text.replaceAll(/[\\`*_<>[\]]/g, '\\$&')
