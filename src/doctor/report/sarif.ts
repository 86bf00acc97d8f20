import type { Check, Level } from '../check.js'
import { atLeast, type Report } from './report.js'

const LEVEL: Readonly<Record<Level, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
}

/** The report as SARIF 2.1.0: a result a finding, at the object of the database that it is about. */
export function toSarif(report: Report, checks: readonly Check[], version: string, level: Level = 'info'): object {
  const findings = report.findings.filter((finding) => atLeast(finding.level, level))
  const used = checks.filter(({ id }) => findings.some(({ check }) => check === id))
  const blind = report.results.filter(({ outcome }) => outcome === 'could-not-look')
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'pgfleet doctor',
            version,
            semanticVersion: version,
            rules: used.map(({ id, title, why, when, advice, level: gravest }) => ({
              id,
              name: id,
              shortDescription: { text: title },
              fullDescription: { text: `${why} ${when}` },
              help: { text: advice },
              defaultConfiguration: { level: LEVEL[gravest] },
            })),
          },
        },
        invocations: [
          {
            executionSuccessful: true,
            endTimeUtc: report.examinedAt.toISOString(),
            toolExecutionNotifications: blind.map(({ check, reason = '' }) => ({
              level: 'note',
              message: { text: `${check} could not look: ${reason}` },
            })),
          },
        ],
        results: findings.map(({ check, level: gravity, object, summary, evidence, remedy, fingerprint, order }) => ({
          ruleId: check,
          ruleIndex: used.findIndex(({ id }) => id === check),
          level: LEVEL[gravity],
          message: { text: [summary, ...evidence, `Fix: ${remedy.text}`].join('\n') },
          locations: [
            {
              logicalLocations: [
                { fullyQualifiedName: `${report.database}: ${object}`, name: object, kind: 'resource' },
              ],
            },
          ],
          partialFingerprints: { 'pgfleetDoctor/v1': fingerprint },
          properties: { remedy, order },
        })),
      },
    ],
  }
}
