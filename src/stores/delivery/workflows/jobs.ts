import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Json, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { PAYLOAD_LENGTH_MAX } from './definition.js'

/** What names a claim of a job: whoever holds it may keep it, and end it. */
export interface JobLease {
  readonly workflowId: string
  /** The number of the task in its workflow. */
  readonly number: number
  readonly lease: string
}

/** A task that a worker has leased. */
export interface Job extends JobLease {
  readonly name: string
  readonly type: string
  readonly payload: Json
  /** 1 at the first time. */
  readonly attempt: number
  /** Attempts that are left after this one. */
  readonly attemptsLeft: number
  /** When the lease runs out, unless it is renewed or given back. */
  readonly expiresAt: Date
  /** When this attempt has taken too long, whatever its lease; null without a time-out. */
  readonly timeoutAt: Date | null
  /** Results of the tasks that it depends on, by name; a failed optional one has none. */
  readonly needs: Readonly<Record<string, Json>>
}

/** What to claim. */
export interface ClaimOptions extends Pick<CallOptions, 'signal' | 'durability'> {
  /** Types of tasks, 1 to 100. */
  readonly types: readonly string[]
  /** 1 to 1,000. @default 1 */
  readonly limit?: number
  /** How long a job is the worker's without a heartbeat: 100 ms to a day. @default 30_000 */
  readonly leaseMs?: number
}

/** A job that is done. */
export interface CompletedJob extends JobLease {
  /** At most 262,144 characters of JSON; tasks that depend on this one are given it. @default null */
  readonly result?: Json
}

/** A job that failed. */
export interface FailedJob extends JobLease {
  /** Why: 1 to 10,000 characters. Not redacted: keep secrets out of it. */
  readonly error: string
  /** False fails the task for good, whatever retries are left. @default true */
  readonly retry?: boolean
  /** Wait before the next attempt; 0 to 24 days. @default the task's own, doubled with every retry */
  readonly delayMs?: number
}

/** What became of a task whose lease was given back. */
export interface EndedJob {
  /** `pending`: it is tried again. */
  readonly status: 'completed' | 'failed' | 'pending'
  /** When it may be claimed again; null when it has ended. */
  readonly retryAt: Date | null
}

/** Jobs of one tenant, for those who run them. All that is given back under one lease may be repeated. */
export interface Jobs {
  /**
   * Leases jobs that are ready: those of workflows with a higher priority first, then the older ones. Jobs whose lease
   * ran out are among them. Nobody waits for anybody; calls of many workers share a statement. Also times out what is past
   * its deadline. An empty array when there is nothing to do. Errors: INPUT_INVALID; OUTCOME_UNKNOWN when the connection
   * is lost: what was claimed then comes back when its lease runs out.
   */
  claim(worker: string, options: ClaimOptions): Promise<Job[]>
  /**
   * Renews leases, from now on for `leaseMs`, never beyond the time-out of the attempt; when they run out now. Errors: LEASE_LOST.
   * @default leaseMs 30_000
   */
  heartbeat(job: JobLease, options?: { leaseMs?: number } & CallOptions): Promise<Date>
  heartbeat(jobs: readonly JobLease[], options?: { leaseMs?: number } & CallOptions): Promise<Date[]>
  /** Completes tasks: what waits for them becomes ready, and a workflow that has nothing left ends. Errors: INPUT_INVALID, LEASE_LOST. */
  complete(job: CompletedJob, options?: CallOptions): Promise<EndedJob>
  complete(jobs: readonly CompletedJob[], options?: CallOptions): Promise<EndedJob[]>
  /** Says that attempts failed: tasks are tried again later while they have retries, then they have failed. Errors: INPUT_INVALID, LEASE_LOST. */
  fail(job: FailedJob, options?: CallOptions): Promise<EndedJob>
  fail(jobs: readonly FailedJob[], options?: CallOptions): Promise<EndedJob[]>
  /** Gives jobs back untouched: ready at once, the attempt not counted. Errors: LEASE_LOST. */
  release(job: JobLease, options?: CallOptions): Promise<EndedJob>
  release(jobs: readonly JobLease[], options?: CallOptions): Promise<EndedJob[]>
}

/** Jobs of a workflow that were claimed together, as the database answers them: see delivery.claim_jobs_packed. */
interface PackedJobs {
  readonly workflow_id: string
  readonly attempt: number
  readonly attempts_left: number
  readonly expires_at: string
  readonly timeout_at: string | null
  readonly claimed: readonly number[]
  readonly places: readonly number[]
  readonly numbers: readonly number[]
  readonly names: readonly string[]
  readonly types: readonly string[]
  readonly payloads: readonly Json[]
  readonly needs: readonly (Record<string, Json> | null)[] | null
}

/** A claim as it travels. */
interface Claim {
  readonly lease: string
  readonly limit: number
  readonly text: string
}

export const CLAIM: Operation<Claim, { jobs: readonly PackedJobs[] }, Job[]> = {
  name: 'delivery.claim_jobs',
  statement: statement(
    'delivery.claim_jobs',
    'select ordinal, jobs from delivery.claim_jobs_packed($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 200,
  // Of two at once each would serve half of the workers for nearly the same price.
  itemsMin: 100,
  // As many jobs as those would take together: one statement for all would keep one core of the server busy, while their workers wait.
  isWhole: ({ limit }) => limit >= 100,
  encode: (item) => item.text,
  decode: (row, { lease }) => unpackJobs(row?.jobs ?? [], lease),
  isIdempotent: () => false,
}

const plain = (item: string) => item

export const EXTEND: Operation<string, { expires_at: Date }, Date> = {
  name: 'delivery.extend_leases',
  statement: statement(
    'delivery.extend_leases',
    'select ordinal, expires_at from delivery.extend_leases($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 2000,
  encode: plain,
  decode: (row) => {
    if (row === undefined) throw new Error('the database returned no row for a lease')
    return row.expires_at
  },
  isIdempotent: () => true,
}

/** How a lease is given back, as it travels. */
interface End extends JobLease {
  readonly outcome: 'completed' | 'failed' | 'released'
  /** Further members as JSON, each with a comma before it. */
  readonly rest: string
}

interface EndRow {
  readonly ordinal: number
  readonly status: EndedJob['status']
  readonly retry_at: string | null
}

/** How many jobs there were, and what became of those that are not completed. */
interface PackedEnds {
  readonly jobs: number
  readonly others: readonly EndRow[] | null
}

// Ids and numbers were checked, and need no escaping.
const encodeEnd = ({ workflowId, lease, outcome, rest }: End, tasks: string) =>
  `{"workflow_id":"${workflowId}",${tasks},"lease":"${lease}","outcome":"${outcome}"${rest}}`

/** Tasks of a workflow that follow each other and end alike travel as one: a batch of them has little else to tell. */
function encodeEnds(ends: readonly End[]): string {
  const texts: string[] = []
  let first = 0
  while (first < ends.length) {
    const end = ends[first] as End
    let next = first + 1
    while (next < ends.length && endsAlike(end, ends[next] as End)) next++
    const numbers = ends.slice(first, next).map(({ number }) => number)
    texts.push(encodeEnd(end, numbers.length > 1 ? `"task_numbers":"{${numbers}}"` : `"task_number":${numbers[0]}`))
    first = next
  }
  return texts.join()
}

const endsAlike = (a: End, b: End) =>
  a.workflowId === b.workflowId && a.lease === b.lease && a.outcome === b.outcome && a.rest === b.rest

function unpackEnds(packed: object): EndRow[] {
  const { jobs, others } = packed as PackedEnds
  const rows = Array.from({ length: jobs }, (_, i): EndRow => ({ ordinal: i + 1, status: 'completed', retry_at: null }))
  for (const row of others ?? []) rows[row.ordinal - 1] = row
  return rows
}

export const END: Operation<End, EndRow, EndedJob> = {
  name: 'delivery.end_jobs',
  statement: statement(
    'delivery.end_jobs',
    `select count(*)::integer as jobs, json_agg(e) filter (where e.status <> 'completed') as others
    from delivery.end_jobs($1::text, $2::jsonb) e`,
  ),
  writes: true,
  itemsMax: 2000,
  // Two at once would wait for each other where they end tasks of one workflow.
  itemsMin: 100,
  encode: (end) => encodeEnd(end, `"task_number":${end.number}`),
  encodeMany: encodeEnds,
  unpack: unpackEnds,
  decode: (row) => {
    if (row === undefined) throw new Error('the database returned no row for a job')
    return { status: row.status, retryAt: row.retry_at === null ? null : new Date(row.retry_at) }
  },
  isIdempotent: () => true,
}

export const JOB_STATEMENTS: readonly Statement<unknown>[] = [CLAIM.statement, EXTEND.statement, END.statement]

// A lease is passed as the whole job: its other members are not looked at.
const lease = { workflowId: z.uuid(), number: z.int().min(1), lease: z.uuid() }
const leases = z.array(z.object(lease))
const completed = z.array(z.object({ ...lease, result: z.unknown().optional() }))
const failed = z.array(
  z.object({
    ...lease,
    error: text(1, 10_000),
    retry: z.boolean().default(true),
    delayMs: z.int().min(0).max(2_147_483_647).optional(),
  }),
)

/** What the schema takes as it is, and all who were given jobs give. Seen by hand, as a batch has a thousand of them. */
function usualJobs(input: unknown): z.output<typeof completed> | undefined {
  if (!Array.isArray(input)) return undefined
  for (let i = 0; i < input.length; i++) if (!isUsualJob(input[i])) return undefined
  return input
}

// As the server and randomUUID write them: some of what the schema knows as one.
const USUAL_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function isUsualJob(job: unknown): boolean {
  if (typeof job !== 'object' || job === null || Array.isArray(job)) return false
  const { workflowId, number, lease } = job as Partial<JobLease>
  return (
    typeof workflowId === 'string' &&
    USUAL_ID.test(workflowId) &&
    typeof lease === 'string' &&
    USUAL_ID.test(lease) &&
    Number.isSafeInteger(number) &&
    (number as number) >= 1
  )
}

const leaseMs = z.int().min(100).max(86_400_000).default(30_000)
const claimOptions = z.strictObject({
  types: z.array(text(1, 100)).min(1).max(100),
  limit: z.int().min(1).max(1000).default(1),
  leaseMs,
  signal: z.instanceof(AbortSignal).optional(),
  durability: z.enum(['durable', 'async']).optional(),
})

export function createJobs(session: Session, identity: Identity): Jobs {
  const who = encodeIdentity(identity)
  const members = Object.keys(who).length === 0 ? '' : `,${JSON.stringify(who).slice(1, -1)}`
  const end = (
    { workflowId, number, lease }: z.output<typeof leases>[number],
    outcome: End['outcome'],
    rest = '',
  ): End => ({
    workflowId,
    number,
    lease,
    outcome,
    rest: rest + members,
  })
  const submitOne = async <Result>(many: Promise<Result[]>) => (await many)[0] as Result
  const complete = async (input: readonly CompletedJob[], options?: CallOptions) =>
    await session.submit(
      END,
      check('jobs', completed, input, usualJobs).map((job, i) => {
        const result = job.result ?? null
        if (result === null) return end(job, 'completed')
        return end(job, 'completed', `,"result":${toJson(`jobs[${i}].result`, result, PAYLOAD_LENGTH_MAX)}`)
      }),
      options,
    )
  const fail = async (input: readonly FailedJob[], options?: CallOptions) =>
    await session.submit(
      END,
      check('jobs', failed, input).map((job) => {
        const rest = { error: job.error, retry: job.retry, delay_ms: job.delayMs }
        return end(job, 'failed', `,${JSON.stringify(rest).slice(1, -1)}`)
      }),
      options,
    )
  const release = async (input: readonly JobLease[], options?: CallOptions) =>
    await session.submit(
      END,
      check('jobs', leases, input, usualJobs).map((job) => end(job, 'released')),
      options,
    )
  const heartbeat = async (input: readonly JobLease[], { leaseMs: ms, ...options }: HeartbeatOptions = {}) => {
    const lease_ms = check('options.leaseMs', leaseMs, ms)
    const items = check('jobs', leases, input, usualJobs).map(
      (job) =>
        `{"workflow_id":"${job.workflowId}","task_number":${job.number},"lease":"${job.lease}","lease_ms":${lease_ms}}`,
    )
    return await session.submit(EXTEND, items, options)
  }
  return {
    async claim(worker, options) {
      check('worker', text(1, 200), worker)
      const { types, limit, leaseMs, ...rest } = check('options', claimOptions, options)
      return (await claimChannels(
        session,
        identity,
        worker,
        [...new Set(types)].toSorted(),
        limit,
        leaseMs,
        rest,
      )) as Job[]
    },
    heartbeat: (async (input: JobLease | readonly JobLease[], options?: HeartbeatOptions) =>
      Array.isArray(input)
        ? await heartbeat(input, options)
        : await submitOne(heartbeat([input as JobLease], options))) as Jobs['heartbeat'],
    complete: (async (input: CompletedJob | readonly CompletedJob[], options?: CallOptions) =>
      Array.isArray(input)
        ? await complete(input, options)
        : await submitOne(complete([input as CompletedJob], options))) as Jobs['complete'],
    fail: (async (input: FailedJob | readonly FailedJob[], options?: CallOptions) =>
      Array.isArray(input)
        ? await fail(input, options)
        : await submitOne(fail([input as FailedJob], options))) as Jobs['fail'],
    release: (async (input: JobLease | readonly JobLease[], options?: CallOptions) =>
      Array.isArray(input)
        ? await release(input, options)
        : await submitOne(release([input as JobLease], options))) as Jobs['release'],
  }
}

type HeartbeatOptions = { leaseMs?: number } & CallOptions

/** Claims by channel: the type of a task, or the id of a workflow that one process alone runs. */
export async function claimChannels(
  session: Session,
  identity: Identity,
  worker: string,
  channels: readonly string[],
  limit: number,
  leaseMs: number,
  { signal, durability }: { signal?: AbortSignal | undefined; durability?: CallOptions['durability'] | undefined } = {},
): Promise<Job[]> {
  const lease = randomUUID()
  const item = { channels, limit, lease, lease_ms: leaseMs, worker, ...encodeIdentity(identity) }
  const options = { ...(signal && { signal }), ...(durability && { durability }) }
  const [jobs] = await session.submit(CLAIM, [{ lease, limit, text: JSON.stringify(item) }], options)
  return jobs ?? []
}

/** The jobs of a claim, in its order. */
const unpackJobs = (packed: readonly PackedJobs[], lease: string): Job[] =>
  packed
    .flatMap((group) => unpackGroup(group, lease))
    .sort(([a], [b]) => a - b)
    .map(([, job]) => job)

/** Jobs with their places in the claim. */
function unpackGroup(group: PackedJobs, lease: string): [number, Job][] {
  const { claimed, places, numbers } = group
  const expiresAt = Date.parse(group.expires_at)
  const timeoutAt = group.timeout_at === null ? null : Date.parse(group.timeout_at)
  const indexes = new Map(numbers.map((number, i) => [number, i]))
  return claimed.map((number, n) => {
    const i = indexes.get(number) as number
    const job = {
      workflowId: group.workflow_id,
      number,
      lease,
      name: group.names[i] as string,
      type: group.types[i] as string,
      payload: group.payloads[i] as Json,
      attempt: group.attempt,
      attemptsLeft: group.attempts_left,
      expiresAt: new Date(expiresAt),
      timeoutAt: timeoutAt === null ? null : new Date(timeoutAt),
      needs: group.needs?.[i] ?? {},
    }
    return [places[n] as number, job]
  })
}
