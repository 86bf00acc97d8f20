import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import { text } from '../../../input.js'
import {
  createObserved,
  type Observed,
  type ObservedKind,
  type ObservedListOptions,
  observedOptions,
  repositoryName,
  word,
} from './observed.js'

export interface BranchKey {
  readonly repository: string
  /** Like `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string
}

/** A branch or tag, as the last push left it. */
export interface Branch extends BranchKey {
  /** Null when it was deleted. */
  readonly headSha: string | null
  readonly beforeSha: string | null
  readonly pusher: string | null
  /** How many the push brought. */
  readonly commits: number
  readonly isForced: boolean
  readonly isDeleted: boolean
  readonly compareUrl: string | null
  readonly pushedAt: Date | null
}

/** Which branches are listed, by repository and ref; times are of the last push. */
export interface BranchListOptions extends ObservedListOptions {
  /** Those that are at this commit. */
  readonly headSha?: string
  readonly pusher?: string
  /** Only those that were deleted, or only those that were not. */
  readonly isDeleted?: boolean
  /** Continues behind the branch of that key. */
  readonly after?: BranchKey
}

/** Branches and tags that were pushed. */
export type Branches = Observed<BranchKey, Branch, BranchListOptions>

interface Row {
  readonly repository: string
  readonly ref: string
  readonly head_sha: string | null
  readonly before_sha: string | null
  readonly pusher: string | null
  readonly commits: number
  readonly is_forced: boolean
  readonly is_deleted: boolean
  readonly compare_url: string | null
  readonly pushed_at: Date | null
}

const COLUMNS =
  'b.repository, b.ref, b.head_sha, b.before_sha, b.pusher, b.commits, b.is_forced, b.is_deleted, b.compare_url, b.pushed_at'

// Every filter but the repository is a look at the rows that the key gives, in its order.
const page = (name: string, first: string) =>
  readStatement<Row>(
    `delivery.list_branches${name}`,
    `select ${COLUMNS} from delivery.branches b
  where b.tenant_id = current_setting('pgfleet.tenant') and ${first}
    and (b.repository, b.ref) > ($1::text collate "C", $2::text collate "C")
    and ($4::text is null or b.repository = $4::text)
    and ($5::text is null or b.head_sha = $5::text)
    and ($6::text is null or b.pusher = $6::text)
    and ($7::boolean is null or b.is_deleted = $7::boolean)
    and ($8::timestamptz is null or b.pushed_at >= $8::timestamptz)
    and ($9::timestamptz is null or b.pushed_at < $9::timestamptz)
  order by b.repository, b.ref
  limit $3::integer`,
  )

const LIST = page('', 'true')
const LIST_BY_REPOSITORY = page('_by_repository', 'b.repository = $4::text')

const GET = readStatement<Row & { readonly place: number }>(
  'delivery.get_branches',
  `select x.place::integer - 1 as place, ${COLUMNS}
  from unnest($1::text[], $2::text[]) with ordinality as x(repository, ref, place)
  cross join lateral (
    select * from delivery.branches o
    where o.tenant_id = current_setting('pgfleet.tenant') and o.repository = x.repository and o.ref = x.ref
    limit 1
  ) b`,
)

export const BRANCH_STATEMENTS: readonly Statement<unknown>[] = [LIST, LIST_BY_REPOSITORY, GET]

const ref = text(1, 1000)
const options = z.strictObject({
  ...observedOptions,
  headSha: text(1, 64).optional(),
  pusher: word,
  isDeleted: z.boolean().optional(),
  after: z.strictObject({ repository: repositoryName, ref }).optional(),
})

const KIND: ObservedKind<Row, BranchKey, Branch, z.output<typeof options>> = {
  key: z.strictObject({ repository: repositoryName, ref }),
  get: GET,
  keys: (keys) => [keys.map(({ repository }) => repository), keys.map(({ ref }) => ref)],
  options,
  listOf: ({ repository }) => (repository === undefined ? LIST : LIST_BY_REPOSITORY),
  values: ({ after, limit, repository, headSha, pusher, isDeleted, from, to }) => [
    after?.repository ?? '',
    after?.ref ?? '',
    limit,
    repository,
    headSha,
    pusher,
    isDeleted,
    from,
    to,
  ],
  toFact: (row) => ({
    repository: row.repository,
    ref: row.ref,
    headSha: row.head_sha,
    beforeSha: row.before_sha,
    pusher: row.pusher,
    commits: row.commits,
    isForced: row.is_forced,
    isDeleted: row.is_deleted,
    compareUrl: row.compare_url,
    pushedAt: row.pushed_at,
  }),
}

export const createBranches = (session: Session): Branches => createObserved(session, KIND)
