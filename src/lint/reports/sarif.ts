import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { LintReport } from '../lint.js'
import type { Level, Located, Rule } from '../rule.js'
import { OWN_FINDINGS, RULES } from '../rules/index.js'
import { isAtLeast } from './text.js'

const SARIF_LEVEL = { error: 'error', warning: 'warning', info: 'note' } as const

/** The report as SARIF 2.1.0, which code hosts show beside the lines. Suppressed findings are in it, marked as such. */
export function sarifReport(report: LintReport, level: Level, version: string): Record<string, unknown> {
  const all = [...report.findings.filter(({ finding }) => isAtLeast(finding.level, level)), ...report.suppressed]
  const rules: Pick<Rule, 'id' | 'level' | 'summary' | 'why' | 'remedy'>[] = [...RULES, ...Object.values(OWN_FINDINGS)]
  const used = rules.filter(({ id }) => all.some(({ finding }) => finding.rule === id))
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'pgfleet lint',
            version,
            semanticVersion: version,
            rules: used.map((rule) => ({
              id: rule.id,
              shortDescription: { text: rule.summary },
              fullDescription: { text: rule.why },
              help: { text: rule.remedy },
              defaultConfiguration: { level: SARIF_LEVEL[rule.level] },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: all.map((each) =>
          result(
            each,
            used.findIndex(({ id }) => id === each.finding.rule),
          ),
        ),
      },
    ],
  }
}

function result({ finding, source, fix }: Located, ruleIndex: number): Record<string, unknown> {
  const artifactLocation = { uri: uriOf(finding.path) }
  return {
    ruleId: finding.rule,
    ruleIndex,
    level: SARIF_LEVEL[finding.level],
    message: { text: `${finding.message}. ${finding.remedy}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation,
          region: {
            startLine: finding.line,
            startColumn: finding.column,
            snippet: { text: finding.excerpt },
          },
        },
      },
    ],
    ...(finding.suppressed === undefined
      ? {}
      : { suppressions: [{ kind: 'inSource', justification: finding.suppressed }] }),
    ...(fix === undefined
      ? {}
      : {
          fixes: [
            {
              description: { text: finding.remedy },
              artifactChanges: [
                {
                  artifactLocation,
                  replacements: [
                    {
                      deletedRegion: region(source.position(fix.start), source.position(fix.end)),
                      insertedContent: { text: fix.text },
                    },
                  ],
                },
              ],
            },
          ],
        }),
  }
}

const region = (from: { line: number; column: number }, to: { line: number; column: number }) => ({
  startLine: from.line,
  startColumn: from.column,
  endLine: to.line,
  endColumn: to.column,
})

function uriOf(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href
  return path.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
}
