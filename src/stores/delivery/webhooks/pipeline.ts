import { z } from 'zod'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { jobFact } from './facts.js'
import {
  type CommitListOptions,
  commitOptions,
  createObserved,
  FIRST_ID,
  type ObservedKind,
  observedId,
  repositoryName,
  word,
} from './observed.js'

/** A job of a pipeline that another system tells of. */
export interface NewPipelineJob {
  /** Like `acme/shop`: 1 to 255 characters. */
  readonly repository: string
  /** GitHub's id of the job; what a webhook tells of it stands. */
  readonly jobId: number
  /** 1 to 1000 characters. */
  readonly name: string
  /** 1 to 1000 characters. */
  readonly workflowName?: string
  /** success, failure, cancelled, skipped, ...: 1 to 100 characters. Without one it is under way. */
  readonly conclusion?: string
  readonly queuedAt?: Date
  readonly startedAt?: Date
  readonly completedAt?: Date
}

export interface PipelineJobKey {
  readonly repository: string
  /** GitHub's id. */
  readonly jobId: number
}

/** Which jobs of a repository are listed, newest first by id; times are of their start. */
export interface PipelineJobListOptions extends Omit<CommitListOptions, 'repository' | 'pullRequest'> {
  readonly runId?: number
  readonly name?: string
  readonly workflowName?: string
  readonly branch?: string
  readonly conclusion?: string
  readonly runner?: string
  /** Continues behind the job of that id. */
  readonly after?: number
}

/** A job as it is known. */
export interface PipelineJob extends PipelineJobKey {
  readonly runId: number | null
  readonly name: string
  readonly workflowName: string | null
  readonly branch: string | null
  readonly headSha: string | null
  readonly status: string
  readonly conclusion: string | null
  readonly runner: string | null
  readonly labels: readonly string[]
  readonly url: string | null
  readonly queuedAt: Date | null
  readonly startedAt: Date | null
  readonly completedAt: Date | null
}

/** What is observed of pipelines elsewhere. */
export interface Pipeline {
  /**
   * Records jobs, all of a call or none, at most 2000; whether each was written. Idempotent: what is known already, or known
   * better, stays. Errors: INPUT_INVALID.
   */
  recordJobs(jobs: readonly NewPipelineJob[], options?: CallOptions): Promise<boolean[]>
  /** The jobs of a repository that match all that is given, newest first. Errors: INPUT_INVALID. */
  jobs(repository: string, options?: PipelineJobListOptions): Promise<PipelineJob[]>
  /** Undefined when it is not known; at most 1000 in a call. Errors: INPUT_INVALID. */
  job(key: PipelineJobKey, options?: Pick<CallOptions, 'signal'>): Promise<PipelineJob | undefined>
  job(keys: readonly PipelineJobKey[], options?: Pick<CallOptions, 'signal'>): Promise<(PipelineJob | undefined)[]>
}

/** Most jobs of one call. */
export const PIPELINE_JOBS_MAX = 2000

export const RECORD_JOBS: Operation<string, { written: boolean }, boolean> = {
  name: 'delivery.record_pipeline_jobs',
  statement: statement(
    'delivery.record_pipeline_jobs',
    'select ordinal, written from delivery.record_pipeline_jobs($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: PIPELINE_JOBS_MAX,
  encode: (item) => item,
  decode: (row) => row?.written ?? false,
  isIdempotent: () => true,
}

interface Row {
  readonly repository: string
  readonly job_id: number
  readonly run_id: number | null
  readonly name: string
  readonly workflow_name: string | null
  readonly branch: string | null
  readonly head_sha: string | null
  readonly status: string
  readonly conclusion: string | null
  readonly runner: string | null
  readonly labels: readonly string[]
  readonly url: string | null
  readonly created_at: Date | null
  readonly started_at: Date | null
  readonly completed_at: Date | null
}

const COLUMNS = `j.repository, j.job_id, j.run_id, j.name, j.workflow_name, j.branch, j.head_sha, j.status, j.conclusion, j.runner, j.labels, j.url,
  j.created_at, j.started_at, j.completed_at`

// Every filter but the first is a look at the rows that the index of the first gives, in the order of the ids.
const page = (name: string, first: string) =>
  readStatement<Row>(
    `delivery.list_pipeline_jobs${name}`,
    `select ${COLUMNS} from delivery.pipeline_jobs j
  where j.tenant_id = current_setting('pgfleet.tenant') and j.repository = $1::text and ${first} and j.job_id < $2::bigint
    and ($4::bigint is null or j.run_id = $4::bigint)
    and ($5::text is null or j.head_sha = $5::text)
    and ($6::text is null or j.status = $6::text)
    and ($7::text is null or j.conclusion = $7::text)
    and ($8::text is null or j.branch = $8::text)
    and ($9::text is null or j.name = $9::text)
    and ($10::text is null or j.workflow_name = $10::text)
    and ($11::text is null or j.runner = $11::text)
    and ($12::timestamptz is null or j.started_at >= $12::timestamptz)
    and ($13::timestamptz is null or j.started_at < $13::timestamptz)
  order by j.job_id desc
  limit $3::integer`,
  )

const LIST_JOBS = page('', 'true')
const LIST_JOBS_BY_RUN = page('_by_run', 'j.run_id = $4::bigint')

const GET_JOBS = readStatement<Row & { readonly place: number }>(
  'delivery.get_pipeline_jobs',
  `select x.place::integer - 1 as place, ${COLUMNS}
  from unnest($1::text[], $2::bigint[]) with ordinality as x(repository, job_id, place)
  cross join lateral (
    select * from delivery.pipeline_jobs o
    where o.tenant_id = current_setting('pgfleet.tenant') and o.repository = x.repository and o.job_id = x.job_id
    limit 1
  ) j`,
)

export const PIPELINE_STATEMENTS: readonly Statement<unknown>[] = [
  RECORD_JOBS.statement,
  LIST_JOBS,
  LIST_JOBS_BY_RUN,
  GET_JOBS,
]

const moment = z
  .date()
  .min(new Date(0))
  .max(new Date('9999-12-31T23:59:59.999Z'))
  .transform((time) => time.toISOString())
  .optional()
const jobs = z
  .array(
    z.strictObject({
      repository: text(1, 255),
      jobId: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
      name: text(1, 1000),
      workflowName: text(1, 1000).optional(),
      conclusion: text(1, 100).optional(),
      queuedAt: moment,
      startedAt: moment,
      completedAt: moment,
    }),
  )
  .max(PIPELINE_JOBS_MAX)
const { pullRequest: _, ...common } = commitOptions
const listOptions = z.strictObject({
  ...common,
  repository: repositoryName,
  runId: observedId.optional(),
  name: word,
  workflowName: word,
  branch: word,
  conclusion: word,
  runner: word,
  after: observedId.optional(),
})

const KIND: ObservedKind<Row, PipelineJobKey, PipelineJob, z.output<typeof listOptions>> = {
  key: z.strictObject({ repository: repositoryName, jobId: observedId }),
  get: GET_JOBS,
  keys: (keys) => [keys.map(({ repository }) => repository), keys.map(({ jobId }) => jobId)],
  options: listOptions,
  listOf: ({ runId }) => (runId === undefined ? LIST_JOBS : LIST_JOBS_BY_RUN),
  values: ({ repository, after, limit, runId, headSha, status, conclusion, branch, ...rest }) => [
    repository,
    after ?? FIRST_ID,
    limit,
    runId,
    headSha,
    status,
    conclusion,
    branch,
    rest.name,
    rest.workflowName,
    rest.runner,
    rest.from,
    rest.to,
  ],
  toFact: (row) => ({
    repository: row.repository,
    jobId: row.job_id,
    runId: row.run_id,
    name: row.name,
    workflowName: row.workflow_name,
    branch: row.branch,
    headSha: row.head_sha,
    status: row.status,
    conclusion: row.conclusion,
    runner: row.runner,
    labels: row.labels,
    url: row.url,
    queuedAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
  }),
}

export function createPipeline(session: Session, identity: Identity): Pipeline {
  const who = encodeIdentity(identity)
  const observed = createObserved<
    Row,
    PipelineJobKey,
    PipelineJob,
    z.output<typeof listOptions>,
    PipelineJobListOptions & { repository: string }
  >(session, KIND)
  return {
    async recordJobs(input, options) {
      const items = check('jobs', jobs, input).map((job) =>
        JSON.stringify({
          ...jobFact({
            repository: job.repository,
            jobId: job.jobId,
            name: job.name,
            workflowName: job.workflowName ?? null,
            conclusion: job.conclusion ?? null,
            queuedAt: job.queuedAt ?? null,
            startedAt: job.startedAt ?? null,
            completedAt: job.completedAt ?? null,
          }),
          ...who,
        }),
      )
      return await session.submit(RECORD_JOBS, items, options)
    },
    async jobs(repository, options = {}) {
      check('repository', repositoryName, repository)
      return await observed.list({ ...options, repository })
    },
    job: observed.get,
  }
}
