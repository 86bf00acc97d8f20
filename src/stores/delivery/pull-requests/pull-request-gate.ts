import { z } from 'zod'
import type { CiStatus, PullRequest, SecurityStatus } from './pull-request.js'
import { CI_STATUSES, SECURITY_STATUSES } from './pull-request.js'

/** What a pull request needs to be merged, as data; a limit of null does not count. */
export interface MergePolicy {
  /** Its review status is `approved`. @default true */
  readonly reviewed?: boolean
  /** At least so many reviewers approve. @default 0 */
  readonly approvalsMin?: number
  /** It has no conflict and nothing blocks it. @default true */
  readonly mergeable?: boolean
  /** One of these; an empty array does not count. @default ['success'] */
  readonly ci?: readonly CiStatus[]
  /** One of these; an empty array does not count. @default ['passed'] */
  readonly security?: readonly SecurityStatus[]
  /** Per cent, 0 to 100; one that is not known is too low. @default null */
  readonly coverageMin?: number | null
  /** 0 to 100; one that is not known is too low. @default null */
  readonly qualityMin?: number | null
  /** Lines added and deleted together. @default null */
  readonly linesMax?: number | null
  /** @default null */
  readonly filesMax?: number | null
}

export type GateReasonName =
  | 'not_open'
  | 'not_mergeable'
  | 'review_missing'
  | 'approvals_missing'
  | 'ci_not_passed'
  | 'security_not_passed'
  | 'coverage_low'
  | 'quality_low'
  | 'too_many_lines'
  | 'too_many_files'

/** Why a pull request may not be merged, or what is to be looked at. */
export interface GateReason {
  readonly name: GateReasonName
  /** What there is, and what there had to be. */
  readonly found: string | number | null
  readonly required: string | number
}

/** What the gate says. */
export interface GateResult {
  /** True when there is no reason against it. */
  readonly ready: boolean
  /** What the policy asks for and is not so; in the order of the policy. */
  readonly reasons: readonly GateReason[]
  /** What no policy asks for, but is unusual: coverage below 80, quality below 70, over 1000 lines, over 50 files. */
  readonly warnings: readonly GateReason[]
  /** 0 to 1: 40 % its files (10 or more are 1), 60 % its lines (1000 or more are 1). */
  readonly complexity: number
}

const limit = (most: number) => z.number().min(0).max(most).nullable()
export const mergePolicy = z.strictObject({
  reviewed: z.boolean().default(true),
  approvalsMin: z.int().min(0).max(1000).default(0),
  mergeable: z.boolean().default(true),
  ci: z.array(z.enum(CI_STATUSES)).default(['success']),
  security: z.array(z.enum(SECURITY_STATUSES)).default(['passed']),
  coverageMin: limit(100).default(null),
  qualityMin: limit(100).default(null),
  linesMax: limit(Number.MAX_SAFE_INTEGER).default(null),
  filesMax: limit(Number.MAX_SAFE_INTEGER).default(null),
})

const isBelow = (value: number | null, min: number | null) => min !== null && (value === null || value < min)
const isAbove = (value: number, max: number | null) => max !== null && value > max

/** Judges a pull request by a policy. */
export function judge(pullRequest: PullRequest, policy: z.output<typeof mergePolicy>): GateResult {
  const { status, mergeStatus, reviewStatus, approvals, ciStatus, securityStatus, coverage, quality } = pullRequest
  const lines = pullRequest.linesAdded + pullRequest.linesDeleted
  const files = pullRequest.filesChanged
  const reasons: GateReason[] = []
  const because = (holds: boolean, name: GateReasonName, found: GateReason['found'], required: string | number) => {
    if (holds) reasons.push({ name, found, required })
  }
  because(status !== 'open', 'not_open', status, 'open')
  because(policy.mergeable && mergeStatus !== 'mergeable', 'not_mergeable', mergeStatus, 'mergeable')
  because(policy.reviewed && reviewStatus !== 'approved', 'review_missing', reviewStatus, 'approved')
  because(approvals < policy.approvalsMin, 'approvals_missing', approvals, policy.approvalsMin)
  because(policy.ci.length > 0 && !policy.ci.includes(ciStatus), 'ci_not_passed', ciStatus, policy.ci.join(' or '))
  because(
    policy.security.length > 0 && !policy.security.includes(securityStatus),
    'security_not_passed',
    securityStatus,
    policy.security.join(' or '),
  )
  because(isBelow(coverage, policy.coverageMin), 'coverage_low', coverage, policy.coverageMin ?? 0)
  because(isBelow(quality, policy.qualityMin), 'quality_low', quality, policy.qualityMin ?? 0)
  because(isAbove(lines, policy.linesMax), 'too_many_lines', lines, policy.linesMax ?? 0)
  because(isAbove(files, policy.filesMax), 'too_many_files', files, policy.filesMax ?? 0)
  const unusual: (GateReason & { holds: boolean })[] = [
    { holds: coverage !== null && coverage < 80, name: 'coverage_low', found: coverage, required: 80 },
    { holds: quality !== null && quality < 70, name: 'quality_low', found: quality, required: 70 },
    { holds: lines > 1000, name: 'too_many_lines', found: lines, required: 1000 },
    { holds: files > 50, name: 'too_many_files', found: files, required: 50 },
  ]
  return {
    ready: reasons.length === 0,
    reasons,
    warnings: unusual.filter(({ holds }) => holds).map(({ name, found, required }) => ({ name, found, required })),
    complexity: 0.4 * Math.min(files / 10, 1) + 0.6 * Math.min(lines / 1000, 1),
  }
}
