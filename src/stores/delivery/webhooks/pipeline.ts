import { z } from 'zod'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { jobFact } from './facts.js'

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

/** A job as it is known. */
export interface PipelineJob {
  readonly repository: string
  readonly jobId: number
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
  /** The jobs of a repository by id, newest first, `limit` at a time (1 to 1000, 100), behind that of id `after`. */
  jobs(repository: string, options?: { after?: number; limit?: number; signal?: AbortSignal }): Promise<PipelineJob[]>
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

const LIST_JOBS = readStatement<Row>(
  'delivery.list_pipeline_jobs',
  `select repository, job_id, run_id, name, workflow_name, branch, head_sha, status, conclusion, runner, labels, url, created_at, started_at, completed_at
  from delivery.pipeline_jobs j
  where j.tenant_id = current_setting('pgfleet.tenant') and j.repository = $1::text and j.job_id < $2::bigint
  order by j.job_id desc
  limit $3::integer`,
)

export const PIPELINE_STATEMENTS: readonly Statement<unknown>[] = [RECORD_JOBS.statement, LIST_JOBS]

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
const listOptions = z.strictObject({
  after: z.int().min(1).max(Number.MAX_SAFE_INTEGER).default(Number.MAX_SAFE_INTEGER),
  limit: z.int().min(1).max(1000).default(100),
  signal: z.instanceof(AbortSignal).optional(),
})

export function createPipeline(session: Session, identity: Identity): Pipeline {
  const who = encodeIdentity(identity)
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
      check('repository', text(1, 255), repository)
      const { after, limit, signal } = check('options', listOptions, options)
      const how = { idempotent: true, ...(signal && { signal }) }
      return (await session.query(LIST_JOBS, [repository, after, limit], how)).map((row) => ({
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
      }))
    },
  }
}
