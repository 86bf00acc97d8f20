import { atLeast } from '../doctor/report/report.js'
import type { Asked, Question, Verdict } from './question.js'

/** Most findings that are told as evidence. */
const EVIDENCE_MAX = 3

/** What the checks of a question say: a finding means no; a check that could not look, or was not asked, leaves it open. */
export function verdictOfChecks({ checks = [], level = 'warning' }: Question, { results }: Asked): Verdict {
  const looked = checks.flatMap((id) => results.get(id) ?? [])
  const findings = looked.flatMap((result) => result.findings).filter((finding) => atLeast(finding.level, level))
  const [first] = findings
  if (first !== undefined) {
    const more = findings.length - EVIDENCE_MAX
    const evidence = findings.slice(0, EVIDENCE_MAX).map(({ check, summary }) => `${check}: ${summary}`)
    return { answer: 'no', evidence: more > 0 ? [...evidence, `and ${more} more: pgfleet doctor`] : evidence }
  }
  const blind = looked.filter(({ outcome }) => outcome === 'could-not-look')
  const unasked = checks.filter((id) => !results.has(id))
  if (blind.length + unasked.length > 0) {
    const evidence = blind.map(({ check, reason }) => `${check} could not look: ${reason}`)
    return {
      answer: 'cannot tell',
      evidence: unasked.length > 0 ? [...evidence, `not asked: ${unasked.join(', ')}`] : evidence,
    }
  }
  const clean = looked.filter(({ outcome }) => outcome !== 'not-applicable')
  if (clean.length === 0) {
    return {
      answer: 'not applicable',
      evidence: looked.slice(0, EVIDENCE_MAX).map(({ check, reason }) => `${check}: ${reason}`),
    }
  }
  const examined = clean.map(({ check, examined: seen, scope }) => `${check}: ${seen} ${scope}, nothing found`)
  return { answer: 'yes', evidence: examined.slice(0, EVIDENCE_MAX) }
}

/** The graver of two verdicts, with the evidence of both where they agree. */
export function together(first: Verdict, second: Verdict): Verdict {
  const order = ['no', 'cannot tell', 'yes', 'not applicable'] as const
  if (first.answer === second.answer) return { ...first, evidence: [...first.evidence, ...second.evidence] }
  return order.indexOf(first.answer) < order.indexOf(second.answer) ? first : second
}
