import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import {
  type CommitListOptions,
  commitOptions,
  createObserved,
  FIRST_ID,
  headOf,
  type Observed,
  type ObservedKind,
  observedId,
  repositoryName,
  word,
} from './observed.js'

/** A check run, or a check suite, which holds runs of one app for one commit. */
export type CheckKind = 'run' | 'suite'

const CHECK_KINDS: readonly CheckKind[] = ['run', 'suite']

export interface CheckKey {
  readonly repository: string
  /** @default 'run' */
  readonly kind?: CheckKind
  /** GitHub's id; runs and suites are numbered apart. */
  readonly checkId: number
}

/** A check as it is known. */
export interface Check extends Required<CheckKey> {
  /** A suite has that of its app. */
  readonly name: string | null
  /** The slug of the app that made it. */
  readonly app: string | null
  readonly branch: string | null
  readonly headSha: string
  /** queued, in_progress, completed, ... */
  readonly status: string
  /** success, failure, cancelled, skipped, ...; null until it has completed. */
  readonly conclusion: string | null
  readonly url: string | null
  readonly startedAt: Date | null
  readonly completedAt: Date | null
}

/** Which checks are listed, newest first by id; times are of their start. */
export interface CheckListOptions extends CommitListOptions {
  /** @default 'run' */
  readonly kind?: CheckKind
  readonly name?: string
  readonly app?: string
  readonly branch?: string
  readonly conclusion?: string
  /** Continues behind the check of that key. */
  readonly after?: Omit<CheckKey, 'kind'>
}

/** Check runs and check suites of GitHub. */
export type Checks = Observed<CheckKey, Check, CheckListOptions>

interface Row {
  readonly repository: string
  readonly check_kind: CheckKind
  readonly check_id: number
  readonly name: string | null
  readonly app: string | null
  readonly branch: string | null
  readonly head_sha: string
  readonly status: string
  readonly conclusion: string | null
  readonly url: string | null
  readonly started_at: Date | null
  readonly completed_at: Date | null
}

const COLUMNS =
  'c.repository, c.check_kind, c.check_id, c.name, c.app, c.branch, c.head_sha, c.status, c.conclusion, c.url, c.started_at, c.completed_at'

// Every filter but the first is a look at the rows that the index of the first gives, in the order of the ids.
const page = (name: string, first: string) =>
  readStatement<Row>(
    `delivery.list_checks${name}`,
    `select ${COLUMNS} from delivery.checks c
  where c.tenant_id = current_setting('pgfleet.tenant') and c.check_kind = $4::text and ${first}
    and c.check_id <= $1::bigint and (c.check_id, c.repository) < ($1::bigint, $2::text collate "C")
    and ($5::text is null or c.repository = $5::text)
    and ($6::text is null or c.head_sha = $6::text)
    and ($7::text is null or (c.repository = $7::text and c.head_sha = ${headOf('$7::text', '$8::integer')}))
    and ($9::text is null or c.status = $9::text)
    and ($10::text is null or c.conclusion = $10::text)
    and ($11::text is null or c.branch = $11::text)
    and ($12::text is null or c.name = $12::text)
    and ($13::text is null or c.app = $13::text)
    and ($14::timestamptz is null or c.started_at >= $14::timestamptz)
    and ($15::timestamptz is null or c.started_at < $15::timestamptz)
  order by c.check_id desc, c.repository desc
  limit $3::integer`,
  )

const LIST = page('', 'true')
const LIST_BY_REPOSITORY = page('_by_repository', 'c.repository = $5::text')
const LIST_BY_COMMIT = page('_by_commit', 'c.head_sha = $6::text')
const LIST_BY_PULL_REQUEST = page('_by_pull_request', `c.head_sha = ${headOf('$7::text', '$8::integer')}`)

const GET = readStatement<Row & { readonly place: number }>(
  'delivery.get_checks',
  `select x.place::integer - 1 as place, ${COLUMNS}
  from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality as x(repository, check_kind, check_id, place)
  cross join lateral (
    select * from delivery.checks r
    where r.tenant_id = current_setting('pgfleet.tenant') and r.repository = x.repository and r.check_kind = x.check_kind and r.check_id = x.check_id
    limit 1
  ) c`,
)

export const CHECK_STATEMENTS: readonly Statement<unknown>[] = [
  LIST,
  LIST_BY_REPOSITORY,
  LIST_BY_COMMIT,
  LIST_BY_PULL_REQUEST,
  GET,
]

const kind = z.enum(CHECK_KINDS).default('run')
const options = z.strictObject({
  ...commitOptions,
  kind,
  name: word,
  app: word,
  branch: word,
  conclusion: word,
  after: z.strictObject({ repository: repositoryName, checkId: observedId }).optional(),
})

const KIND: ObservedKind<Row, CheckKey, Check, z.output<typeof options>> = {
  key: z.strictObject({ repository: repositoryName, kind, checkId: observedId }),
  get: GET,
  keys: (keys) => [
    keys.map(({ repository }) => repository),
    keys.map(({ kind }) => kind),
    keys.map(({ checkId }) => checkId),
  ],
  options,
  listOf: ({ pullRequest, headSha, repository }) => {
    if (pullRequest !== undefined) return LIST_BY_PULL_REQUEST
    if (headSha !== undefined) return LIST_BY_COMMIT
    return repository === undefined ? LIST : LIST_BY_REPOSITORY
  },
  values: ({
    after,
    limit,
    kind,
    repository,
    headSha,
    pullRequest,
    status,
    conclusion,
    branch,
    name,
    app,
    from,
    to,
  }) => [
    after?.checkId ?? FIRST_ID,
    after?.repository ?? '',
    limit,
    kind,
    repository,
    headSha,
    pullRequest?.repository,
    pullRequest?.number,
    status,
    conclusion,
    branch,
    name,
    app,
    from,
    to,
  ],
  toFact: (row) => ({
    repository: row.repository,
    kind: row.check_kind,
    checkId: row.check_id,
    name: row.name,
    app: row.app,
    branch: row.branch,
    headSha: row.head_sha,
    status: row.status,
    conclusion: row.conclusion,
    url: row.url,
    startedAt: row.started_at,
    completedAt: row.completed_at,
  }),
}

export const createChecks = (session: Session): Checks => createObserved(session, KIND)
