import { z } from 'zod'
import { toJson } from '../../../content.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import { check, members, text } from '../../../input.js'
import {
  CI_STATUSES,
  type CiStatus,
  PULL_REQUEST_COLUMNS,
  PULL_REQUEST_STATUSES,
  type PullRequest,
  type PullRequestRow,
  type PullRequestStatus,
  REVIEW_STATUSES,
  type ReviewStatus,
  SECURITY_STATUSES,
  type SecurityStatus,
  toPullRequest,
} from './pull-request.js'

/** Which pull requests are listed; one matches all that is given. */
export interface PullRequestListOptions {
  readonly repository?: string
  readonly status?: PullRequestStatus
  readonly author?: string
  readonly reviewStatus?: ReviewStatus
  readonly ciStatus?: CiStatus
  readonly securityStatus?: SecurityStatus
  /** Words of title, description and author, as a web search takes them: `"a phrase"`, `or`, `-not`. */
  readonly query?: string
  /** Has all of these. */
  readonly labels?: readonly string[]
  /** Its metadata contains this, by the rules of `@>`; at most 65,536 characters of JSON. */
  readonly metadata?: Record<string, unknown>
  /** Continues behind the pull request of that id. */
  readonly after?: string
  /** 1 to 1000. @default 100 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

// Every filter but the first is a look at the rows that the index of the first gives, in the order of the key.
const page = (name: string, first: string) =>
  readStatement<PullRequestRow>(
    `delivery.list_pull_requests${name}`,
    `select ${PULL_REQUEST_COLUMNS} from delivery.pull_requests s
  where s.tenant_id = current_setting('pgfleet.tenant') and ($1::uuid is null or s.pull_request_id < $1::uuid) and ${first}
    and ($3::text is null or s.repository = $3::text)
    and ($4::text is null or s.status = $4::text)
    and ($5::text is null or s.author = $5::text)
    and ($6::text is null or s.review_status = $6::text)
    and ($7::text is null or s.ci_status = $7::text)
    and ($8::text is null or s.security_status = $8::text)
  order by s.pull_request_id desc
  limit $2::integer`,
  )

const LIST = page('', 'true')
// In the order of the numbers, which the unique key has: an index by repository and id might be taken for that key.
const LIST_BY_REPOSITORY = readStatement<PullRequestRow>(
  'delivery.list_pull_requests_by_repository',
  `select ${PULL_REQUEST_COLUMNS} from delivery.pull_requests s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.repository = $3::text
    and ($1::uuid is null or s.number < (
      select a.number from delivery.pull_requests a
      where a.tenant_id = current_setting('pgfleet.tenant') and a.repository = $3::text and a.pull_request_id = $1::uuid
    ))
    and ($4::text is null or s.status = $4::text)
    and ($5::text is null or s.author = $5::text)
    and ($6::text is null or s.review_status = $6::text)
    and ($7::text is null or s.ci_status = $7::text)
    and ($8::text is null or s.security_status = $8::text)
  order by s.number desc
  limit $2::integer`,
)
const LIST_BY_STATUS = page('_by_status', 's.status = $4::text')
const LIST_BY_AUTHOR = page('_by_author', 's.author = $5::text')

const FIND = readStatement<PullRequestRow>(
  'delivery.find_pull_requests',
  `select ${PULL_REQUEST_COLUMNS} from delivery.pull_requests s
  where s.tenant_id = current_setting('pgfleet.tenant')
    and s.pull_request_id = any (array(select f.pull_request_id from delivery.find_pull_requests($1::jsonb) f))
  order by s.pull_request_id desc`,
)

export const PULL_REQUEST_LISTS: readonly Statement<unknown>[] = [
  LIST,
  LIST_BY_REPOSITORY,
  LIST_BY_STATUS,
  LIST_BY_AUTHOR,
  FIND,
]

const listOptions = z.strictObject({
  repository: text(1, 255).optional(),
  status: z.enum(PULL_REQUEST_STATUSES).optional(),
  author: text(1, 200).optional(),
  reviewStatus: z.enum(REVIEW_STATUSES).optional(),
  ciStatus: z.enum(CI_STATUSES).optional(),
  securityStatus: z.enum(SECURITY_STATUSES).optional(),
  query: text(1, 1000).optional(),
  labels: z.array(text(1, 200)).max(100).optional(),
  metadata: members.optional(),
  after: z.uuid().optional(),
  limit: z.int().min(1).max(1000).default(100),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Pull requests, newest first: by id, or those of one repository by number. Errors: INPUT_INVALID. */
export async function listPullRequests(session: Session, input: PullRequestListOptions = {}): Promise<PullRequest[]> {
  const options = check('options', listOptions, input)
  const { repository, status, author, reviewStatus, ciStatus, securityStatus, after, limit, signal } = options
  const how = { idempotent: true, ...(signal && { signal }) }
  if (options.query !== undefined || options.labels !== undefined || options.metadata !== undefined) {
    const filter = {
      query: options.query,
      labels: options.labels,
      metadata: options.metadata && JSON.parse(toJson('options.metadata', options.metadata, 65_536)),
      repository,
      status,
      author,
      review_status: reviewStatus,
      ci_status: ciStatus,
      security_status: securityStatus,
      after,
      max: limit,
    }
    return (await session.query(FIND, [JSON.stringify(filter)], how)).map(toPullRequest)
  }
  let list = LIST
  if (repository !== undefined) list = LIST_BY_REPOSITORY
  else if (author !== undefined) list = LIST_BY_AUTHOR
  else if (status !== undefined) list = LIST_BY_STATUS
  const values = [after, limit, repository, status, author, reviewStatus, ciStatus, securityStatus]
  return (
    await session.query(
      list,
      values.map((value) => value ?? null),
      how,
    )
  ).map(toPullRequest)
}
