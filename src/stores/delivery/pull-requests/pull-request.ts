import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { toJson } from '../../../content.js'
import { check, members, text } from '../../../input.js'

export const PULL_REQUEST_STATUSES = ['draft', 'open', 'closed', 'merged'] as const
export type PullRequestStatus = (typeof PULL_REQUEST_STATUSES)[number]
export const MERGE_STATUSES = ['pending', 'mergeable', 'conflicted', 'blocked', 'merged'] as const
export type MergeStatus = (typeof MERGE_STATUSES)[number]
export const REVIEW_STATUSES = ['pending', 'approved', 'changes_requested', 'dismissed'] as const
export type ReviewStatus = (typeof REVIEW_STATUSES)[number]
export const CI_STATUSES = ['pending', 'running', 'success', 'failure', 'cancelled', 'skipped'] as const
export type CiStatus = (typeof CI_STATUSES)[number]
export const SECURITY_STATUSES = ['pending', 'running', 'passed', 'failed', 'skipped'] as const
export type SecurityStatus = (typeof SECURITY_STATUSES)[number]

/** What names a pull request. */
export interface PullRequestKey {
  /** Like `acme/shop`: 1 to 255 characters. */
  readonly repository: string
  readonly number: number
}

/** What can be told of a pull request. What is left out stays as it is, or has its default for a new one. */
export interface PullRequestFields {
  /** At most 2000 characters. */
  readonly url?: string | null
  /** 1 to 500 characters; a new one needs it. */
  readonly title?: string
  /** At most 262,144 characters. */
  readonly description?: string | null
  readonly branch?: string | null
  /** @default 'main' */
  readonly baseBranch?: string
  /** @default 'open' */
  readonly status?: PullRequestStatus
  /** @default 'pending', as are the three below */
  readonly mergeStatus?: MergeStatus
  readonly reviewStatus?: ReviewStatus
  readonly ciStatus?: CiStatus
  readonly securityStatus?: SecurityStatus
  /** Reviewers who approve. @default 0 */
  readonly approvals?: number
  /** Per cent of the code that tests run, 0 to 100, kept to hundredths. */
  readonly coverage?: number | null
  /** 0 to 100, kept to hundredths. */
  readonly quality?: number | null
  readonly linesAdded?: number
  readonly linesDeleted?: number
  readonly filesChanged?: number
  readonly commits?: number
  readonly author?: string | null
  /** At most 100 names of 1 to 200 characters; kept sorted, once each. */
  readonly assignees?: readonly string[]
  readonly reviewers?: readonly string[]
  readonly labels?: readonly string[]
  /** Its members replace those of the same name; at most 65,536 characters of JSON. */
  readonly metadata?: Record<string, unknown>
  readonly workflowId?: string | null
  /** The agent session that made it. */
  readonly sessionId?: string | null
  readonly task?: string | null
  /** @default now */
  readonly openedAt?: Date
}

/** A pull request to record, or to bring up to date. */
export interface NewPullRequest extends PullRequestKey, PullRequestFields {
  /** A UUIDv7 for a new one. @default a new one */
  readonly id?: string
}

/** A change of a pull request that is there. */
export interface PullRequestChange extends PullRequestKey, PullRequestFields {
  /** Refuses the change with VERSION_CONFLICT when the pull request is at another version. */
  readonly expectedVersion?: number
}

/** A pull request, its reviews and checks summed up. */
export interface PullRequest extends PullRequestKey {
  readonly id: string
  readonly url: string | null
  readonly title: string
  readonly description: string | null
  readonly branch: string | null
  readonly baseBranch: string
  /** The commit that checks are looked up by; told by webhooks alone. */
  readonly headSha: string | null
  readonly status: PullRequestStatus
  readonly mergeStatus: MergeStatus
  readonly reviewStatus: ReviewStatus
  readonly approvals: number
  readonly ciStatus: CiStatus
  readonly securityStatus: SecurityStatus
  readonly coverage: number | null
  readonly quality: number | null
  readonly linesAdded: number
  readonly linesDeleted: number
  readonly filesChanged: number
  readonly commits: number
  readonly author: string | null
  readonly assignees: readonly string[]
  readonly reviewers: readonly string[]
  readonly labels: readonly string[]
  readonly metadata: Record<string, unknown>
  readonly workflowId: string | null
  readonly sessionId: string | null
  readonly task: string | null
  readonly openedAt: Date
  readonly mergedAt: Date | null
  readonly closedAt: Date | null
  /** Grows by one with every change. */
  readonly version: number
  /** When it was last changed here. */
  readonly updatedAt: Date
}

/** A pull request as a call left it. */
export interface PutPullRequest extends PullRequest {
  /** The names of the fields that the call changed; empty when all was so already. */
  readonly changed: readonly string[]
}

/** The fields by the name of their column. */
const COLUMNS = {
  url: 'url',
  title: 'title',
  description: 'description',
  branch: 'branch',
  baseBranch: 'base_branch',
  headSha: 'head_sha',
  status: 'status',
  mergeStatus: 'merge_status',
  reviewStatus: 'review_status',
  approvals: 'approvals',
  ciStatus: 'ci_status',
  securityStatus: 'security_status',
  coverage: 'coverage',
  quality: 'quality',
  linesAdded: 'lines_added',
  linesDeleted: 'lines_deleted',
  filesChanged: 'files_changed',
  commits: 'commits',
  author: 'author',
  assignees: 'assignees',
  reviewers: 'reviewers',
  labels: 'labels',
  metadata: 'metadata',
  workflowId: 'workflow_id',
  sessionId: 'session_id',
  task: 'task',
  openedAt: 'opened_at',
  mergedAt: 'merged_at',
  closedAt: 'closed_at',
} as const
const FIELDS = new Map(Object.entries(COLUMNS).map(([field, column]) => [column as string, field]))

export type PullRequestRow = {
  readonly [Field in keyof typeof COLUMNS as (typeof COLUMNS)[Field]]: Field extends keyof PullRequest
    ? PullRequest[Field]
    : never
} & {
  readonly pull_request_id: string
  readonly repository: string
  readonly number: number
  readonly version: number
  readonly updated_at: Date
  readonly changes?: Record<string, unknown> | null
}

export const PULL_REQUEST_COLUMNS = `pull_request_id, repository, number, url, title, description, branch, base_branch, head_sha, status, merge_status,
  review_status, approvals, ci_status, security_status, coverage::float8 as coverage, quality::float8 as quality, lines_added, lines_deleted,
  files_changed, commits, author, assignees, reviewers, labels, metadata, workflow_id, session_id, task, opened_at, merged_at, closed_at, version, updated_at`

const size = z.int().min(0).max(2_147_483_647).optional()
const score = z.number().min(0).max(100).nullish()
const names = z
  .array(text(1, 200))
  .max(100)
  .transform((given) => [...new Set(given)].sort())
  .optional()
const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))

const key = { repository: text(1, 255), number: z.int().min(1).max(2_147_483_647) }
const fields = {
  url: text(1, 2000).nullish(),
  title: text(1, 500).optional(),
  description: text(0, 262_144).nullish(),
  branch: text(1, 255).nullish(),
  baseBranch: text(1, 255).optional(),
  status: z.enum(PULL_REQUEST_STATUSES).optional(),
  mergeStatus: z.enum(MERGE_STATUSES).optional(),
  reviewStatus: z.enum(REVIEW_STATUSES).optional(),
  ciStatus: z.enum(CI_STATUSES).optional(),
  securityStatus: z.enum(SECURITY_STATUSES).optional(),
  approvals: size,
  coverage: score,
  quality: score,
  linesAdded: size,
  linesDeleted: size,
  filesChanged: size,
  commits: size,
  author: text(1, 200).nullish(),
  assignees: names,
  reviewers: names,
  labels: names,
  metadata: members.optional(),
  workflowId: z.uuid().nullish(),
  sessionId: z.uuid().nullish(),
  task: text(1, 200).nullish(),
  openedAt: moment.optional(),
}
const newPullRequests = z.array(z.strictObject({ ...key, ...fields, id: z.uuidv7().optional() }))
const changes = z.array(z.strictObject({ ...key, ...fields, expectedVersion: z.int().min(1).optional() }))
const keys = z.array(z.union([z.uuid().transform((id) => ({ id })), z.strictObject(key)]))

/** Most characters of a pull request's metadata, as canonical JSON. */
const METADATA_LENGTH_MAX = 65_536

/** The items of a statement: of pull requests to record, or, when they must be there, of changes. Errors: INPUT_INVALID. */
export function encodePullRequests(
  input: readonly (NewPullRequest | PullRequestChange)[],
  mustExist: boolean,
  identity: object,
): string[] {
  const items = mustExist ? check('pullRequests', changes, input) : check('pullRequests', newPullRequests, input)
  return items.map((item, index) => {
    const { repository, number, metadata, ...rest } = item
    const values = Object.entries(COLUMNS).flatMap(([field, column]) => {
      const value = (rest as Record<string, unknown>)[field]
      return value === undefined ? [] : [[column, value]]
    })
    const given = JSON.stringify(Object.fromEntries(values))
    const json =
      metadata === undefined
        ? given
        : `${given.slice(0, -1)}${values.length === 0 ? '' : ','}"metadata":${toJson(`pullRequests[${index}].metadata`, metadata, METADATA_LENGTH_MAX)}}`
    const about = {
      id: ('id' in rest ? rest.id : undefined) ?? uuidv7(),
      repository,
      number,
      must_exist: mustExist,
      expected_version: 'expectedVersion' in rest ? rest.expectedVersion : undefined,
      ...identity,
    }
    return `${JSON.stringify(about).slice(0, -1)},"fields":${json}}`
  })
}

/** Look-ups by id, or by repository and number. Errors: INPUT_INVALID. */
export function encodePullRequestKeys(name: string, input: readonly (string | PullRequestKey)[]): string[] {
  return check(name, keys, input).map((item) => JSON.stringify(item))
}

export function toPullRequest(row: PullRequestRow): PullRequest {
  return {
    id: row.pull_request_id,
    repository: row.repository,
    number: row.number,
    url: row.url,
    title: row.title,
    description: row.description,
    branch: row.branch,
    baseBranch: row.base_branch,
    headSha: row.head_sha,
    status: row.status,
    mergeStatus: row.merge_status,
    reviewStatus: row.review_status,
    approvals: row.approvals,
    ciStatus: row.ci_status,
    securityStatus: row.security_status,
    coverage: row.coverage,
    quality: row.quality,
    linesAdded: row.lines_added,
    linesDeleted: row.lines_deleted,
    filesChanged: row.files_changed,
    commits: row.commits,
    author: row.author,
    assignees: row.assignees,
    reviewers: row.reviewers,
    labels: row.labels,
    metadata: row.metadata,
    workflowId: row.workflow_id,
    sessionId: row.session_id,
    task: row.task,
    openedAt: row.opened_at,
    mergedAt: row.merged_at,
    closedAt: row.closed_at,
    version: row.version,
    updatedAt: row.updated_at,
  }
}

export function toPutPullRequest(row: PullRequestRow): PutPullRequest {
  const changed = Object.keys(row.changes ?? {}).map((column) => FIELDS.get(column) ?? column)
  return { ...toPullRequest(row), changed: changed.sort() }
}
