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

export interface PipelineRunKey {
  readonly repository: string
  /** GitHub's id. */
  readonly runId: number
}

/** A run of a GitHub workflow as it is known: its last attempt. */
export interface PipelineRun extends PipelineRunKey {
  readonly workflowName: string | null
  /** What started it: push, pull_request, schedule, ... */
  readonly event: string | null
  readonly branch: string | null
  readonly headSha: string
  /** Counts re-runs, from 1. */
  readonly attempt: number
  readonly runNumber: number | null
  /** queued, in_progress, completed, ... */
  readonly status: string
  /** success, failure, cancelled, skipped, ...; null until it has completed. */
  readonly conclusion: string | null
  readonly actor: string | null
  readonly url: string | null
  readonly createdAt: Date | null
  /** When this attempt started. */
  readonly startedAt: Date | null
  readonly updatedAt: Date | null
}

/** Which runs are listed, newest first by id; times are of their creation. */
export interface PipelineRunListOptions extends CommitListOptions {
  readonly workflowName?: string
  readonly event?: string
  readonly branch?: string
  readonly conclusion?: string
  readonly actor?: string
  /** Continues behind the run of that key. */
  readonly after?: PipelineRunKey
}

/** Runs of GitHub workflows: observed, not dispatched from here. */
export type PipelineRuns = Observed<PipelineRunKey, PipelineRun, PipelineRunListOptions>

interface Row {
  readonly repository: string
  readonly run_id: number
  readonly workflow_name: string | null
  readonly event: string | null
  readonly branch: string | null
  readonly head_sha: string
  readonly attempt: number
  readonly run_number: number | null
  readonly status: string
  readonly conclusion: string | null
  readonly actor: string | null
  readonly url: string | null
  readonly created_at: Date | null
  readonly started_at: Date | null
  readonly updated_at: Date | null
}

const COLUMNS = `r.repository, r.run_id, r.workflow_name, r.event, r.branch, r.head_sha, r.attempt, r.run_number, r.status, r.conclusion,
  r.actor, r.url, r.created_at, r.started_at, r.updated_at`

// Every filter but the first is a look at the rows that the index of the first gives, in the order of the ids.
const page = (name: string, first: string) =>
  readStatement<Row>(
    `delivery.list_pipeline_runs${name}`,
    `select ${COLUMNS} from delivery.pipeline_runs r
  where r.tenant_id = current_setting('pgfleet.tenant') and ${first}
    and r.run_id <= $1::bigint and (r.run_id, r.repository) < ($1::bigint, $2::text collate "C")
    and ($4::text is null or r.repository = $4::text)
    and ($5::text is null or r.head_sha = $5::text)
    and ($6::text is null or (r.repository = $6::text and r.head_sha = ${headOf('$6::text', '$7::integer')}))
    and ($8::text is null or r.status = $8::text)
    and ($9::text is null or r.conclusion = $9::text)
    and ($10::text is null or r.branch = $10::text)
    and ($11::text is null or r.workflow_name = $11::text)
    and ($12::text is null or r.event = $12::text)
    and ($13::text is null or r.actor = $13::text)
    and ($14::timestamptz is null or r.created_at >= $14::timestamptz)
    and ($15::timestamptz is null or r.created_at < $15::timestamptz)
  order by r.run_id desc, r.repository desc
  limit $3::integer`,
  )

const LIST = page('', 'true')
const LIST_BY_REPOSITORY = page('_by_repository', 'r.repository = $4::text')
const LIST_BY_COMMIT = page('_by_commit', 'r.head_sha = $5::text')
const LIST_BY_PULL_REQUEST = page('_by_pull_request', `r.head_sha = ${headOf('$6::text', '$7::integer')}`)
const LIST_BY_TIME = page('_by_time', 'r.created_at >= $14::timestamptz and r.created_at < $15::timestamptz')

const GET = readStatement<Row & { readonly place: number }>(
  'delivery.get_pipeline_runs',
  `select x.place::integer - 1 as place, ${COLUMNS}
  from unnest($1::text[], $2::bigint[]) with ordinality as x(repository, run_id, place)
  cross join lateral (
    select * from delivery.pipeline_runs o
    where o.tenant_id = current_setting('pgfleet.tenant') and o.repository = x.repository and o.run_id = x.run_id
    limit 1
  ) r`,
)

export const PIPELINE_RUN_STATEMENTS: readonly Statement<unknown>[] = [
  LIST,
  LIST_BY_REPOSITORY,
  LIST_BY_COMMIT,
  LIST_BY_PULL_REQUEST,
  LIST_BY_TIME,
  GET,
]

const options = z.strictObject({
  ...commitOptions,
  workflowName: word,
  event: word,
  branch: word,
  conclusion: word,
  actor: word,
  after: z.strictObject({ repository: repositoryName, runId: observedId }).optional(),
})

const KIND: ObservedKind<Row, PipelineRunKey, PipelineRun, z.output<typeof options>> = {
  key: z.strictObject({ repository: repositoryName, runId: observedId }),
  get: GET,
  keys: (keys) => [keys.map(({ repository }) => repository), keys.map(({ runId }) => runId)],
  options,
  listOf: ({ pullRequest, headSha, repository, from, to }) => {
    if (pullRequest !== undefined) return LIST_BY_PULL_REQUEST
    if (headSha !== undefined) return LIST_BY_COMMIT
    if (repository !== undefined) return LIST_BY_REPOSITORY
    // Without an end it is the newest that are wanted, and those come first.
    return from !== undefined && to !== undefined ? LIST_BY_TIME : LIST
  },
  values: ({ after, limit, repository, headSha, pullRequest, status, conclusion, branch, ...rest }) => [
    after?.runId ?? FIRST_ID,
    after?.repository ?? '',
    limit,
    repository,
    headSha,
    pullRequest?.repository,
    pullRequest?.number,
    status,
    conclusion,
    branch,
    rest.workflowName,
    rest.event,
    rest.actor,
    rest.from,
    rest.to,
  ],
  toFact: (row) => ({
    repository: row.repository,
    runId: row.run_id,
    workflowName: row.workflow_name,
    event: row.event,
    branch: row.branch,
    headSha: row.head_sha,
    attempt: row.attempt,
    runNumber: row.run_number,
    status: row.status,
    conclusion: row.conclusion,
    actor: row.actor,
    url: row.url,
    createdAt: row.created_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
  }),
}

export const createPipelineRuns = (session: Session): PipelineRuns => createObserved(session, KIND)
