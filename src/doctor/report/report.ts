import type { Baseline } from '../baseline.js'
import { LEVELS, type Level } from '../check.js'
import type { Ignored } from '../configuration.js'
import type { Examination } from '../examine.js'
import type { CheckResult, Finding } from '../finding.js'
import type { ServerFacts } from '../server.js'

/** What is told of an examination, in whichever format. */
export interface Report {
  /** The database, without the password. */
  readonly database: string
  readonly server: Pick<
    ServerFacts,
    'version' | 'major' | 'user' | 'superuser' | 'monitor' | 'inRecovery' | 'tables' | 'indexes' | 'bytes'
  >
  readonly examinedAt: Date
  readonly milliseconds: number
  /** What is shown, the gravest first. */
  readonly findings: readonly Finding[]
  /** Findings that the configuration accepts, with the reason. */
  readonly ignored: readonly (Finding & { readonly reason: string })[]
  /** Findings that the baseline knows. */
  readonly known: readonly Finding[]
  /** Entries of the configuration that no finding fits any more. */
  readonly unusedIgnores: readonly Ignored[]
  /** All results; their findings as fingerprints would repeat, so they are left to `findings`. */
  readonly results: readonly Omit<CheckResult, 'findings'>[]
}

/** Sorts findings into what is shown, what is accepted and what is known. */
export function createReport(
  database: string,
  examination: Examination,
  { ignore = [], baseline }: { ignore?: readonly Ignored[] | undefined; baseline?: Baseline | undefined } = {},
): Report {
  const { server, results, milliseconds } = examination
  const all = results.flatMap(({ findings }) => findings).toSorted(byGravity)
  const reasons = new Map(ignore.map(({ fingerprint, reason }) => [fingerprint, reason]))
  const known = new Set(baseline?.fingerprints)
  const { version, major, user, superuser, monitor, inRecovery, tables, indexes, bytes } = server
  return {
    database,
    server: { version, major, user, superuser, monitor, inRecovery, tables, indexes, bytes },
    examinedAt: server.now,
    milliseconds,
    findings: all.filter(({ fingerprint }) => !reasons.has(fingerprint) && !known.has(fingerprint)),
    ignored: all.flatMap((finding) => {
      const reason = reasons.get(finding.fingerprint)
      return reason === undefined ? [] : [{ ...finding, reason }]
    }),
    known: all.filter(({ fingerprint }) => known.has(fingerprint) && !reasons.has(fingerprint)),
    unusedIgnores: ignore.filter(({ fingerprint }) => !all.some((finding) => finding.fingerprint === fingerprint)),
    results: results.map(({ findings: _, ...result }) => result),
  }
}

/** Whether a level is as grave as another, or graver. */
export function atLeast(level: Level, least: Level): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(least)
}

/** Findings as people should meet them: by level, then in the order of the fixes, then by check and object. */
function byGravity(a: Finding, b: Finding): number {
  return (
    LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) ||
    a.order - b.order ||
    a.check.localeCompare(b.check) ||
    // Objects keep the order in which their check tells them: the largest or oldest first.
    0
  )
}

/** Findings by check, in the order of the list. */
export function byCheck(findings: readonly Finding[]): Finding[][] {
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const group = groups.get(finding.check)
    if (group === undefined) groups.set(finding.check, [finding])
    else group.push(finding)
  }
  return [...groups.values()]
}

/** How many findings there are of a level, and results of an outcome. */
export function tally({ findings, results }: Pick<Report, 'findings' | 'results'>) {
  const of = (level: Level) => findings.filter((finding) => finding.level === level).length
  const ended = (outcome: CheckResult['outcome']) => results.filter((result) => result.outcome === outcome).length
  return {
    error: of('error'),
    warning: of('warning'),
    info: of('info'),
    ok: ended('ok'),
    finding: ended('finding'),
    notApplicable: ended('not-applicable'),
    couldNotLook: ended('could-not-look'),
    checks: results.length,
  }
}
