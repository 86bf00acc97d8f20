import { hash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Payload, WebhookEvent } from './payloads.js'

/** What a payload tells of one thing, by the columns of its table. */
export type Fact = { readonly kind: string; readonly repository: string } & Readonly<Record<string, unknown>>

/**
 * Orders what is told of one thing: the greatest wins, whatever comes when. Parts are compared one after the other; a hash of
 * the fact decides between two that nothing else tells apart, so that every order of arrival ends alike.
 */
function order(fact: object, ...parts: readonly (string | number | boolean | null | undefined)[]): string {
  const texts = parts.map((part) => {
    if (typeof part === 'boolean') return part ? '1' : '0'
    return typeof part === 'number' ? String(part).padStart(16, '0') : (part ?? '')
  })
  return [...texts, hash('md5', JSON.stringify(fact), 'hex')].join('|')
}

const none = '0'.repeat(40)
const sorted = (names: readonly (string | null | undefined)[] | null | undefined) =>
  [...new Set((names ?? []).filter((name): name is string => typeof name === 'string' && name !== ''))].sort()
/** The later of two times, as texts of one form. */
const later = (...times: readonly (string | null | undefined)[]) =>
  times
    .filter((time) => time != null)
    .sort()
    .at(-1)
const isDone = (status: string | null | undefined) => status === 'completed'
/** How far a run, job or check is; what cannot be told apart by time is told by this. */
const STEPS = ['requested', 'queued', 'waiting', 'pending', 'in_progress', 'completed']
const stepOf = (status: string | null | undefined) => STEPS.indexOf(status ?? '') + 1

/** A UUIDv7 of that time, the same for the same pull request. */
function idOf(repository: string, number: number, openedAt: string): string {
  const random = new Uint8Array(Buffer.from(hash('sha256', `${repository}#${number}`, 'hex'), 'hex').subarray(0, 16))
  return uuidv7({ msecs: Date.parse(openedAt), random })
}

const MERGEABILITY: Readonly<Record<string, string>> = {
  clean: 'mergeable',
  has_hooks: 'mergeable',
  unstable: 'mergeable',
  dirty: 'conflicted',
  blocked: 'blocked',
  behind: 'blocked',
  draft: 'blocked',
}

function mergeStatus({ mergeable, mergeable_state }: Payload<'pull_request'>['pull_request']): string {
  if (mergeable === false) return 'conflicted'
  // Not known yet: GitHub finds out in the background.
  if (mergeable == null) return 'pending'
  return MERGEABILITY[mergeable_state ?? ''] ?? 'mergeable'
}

function pullRequestFact(repository: string, told: Payload<'pull_request'>['pull_request']): Fact {
  const isMerged = told.merged_at != null
  const isClosed = told.state === 'closed'
  const fields = {
    url: told.html_url ?? null,
    title: told.title,
    description: told.body ?? null,
    branch: told.head.ref,
    base_branch: told.base.ref,
    head_sha: told.head.sha,
    status: isMerged ? 'merged' : isClosed ? 'closed' : told.draft ? 'draft' : 'open',
    author: told.user?.login ?? null,
    assignees: sorted(told.assignees?.map((each) => each?.login)),
    reviewers: sorted(told.requested_reviewers?.map((each) => each?.login)),
    labels: sorted(told.labels?.map(({ name }) => name)),
    opened_at: told.created_at,
    merged_at: told.merged_at ?? null,
    closed_at: isClosed ? (told.closed_at ?? told.merged_at ?? told.updated_at) : null,
  }
  const step = isClosed ? 2 : told.draft ? 0 : 1
  const fact = {
    kind: 'pull_request',
    repository,
    number: told.number,
    id: idOf(repository, told.number, told.created_at),
    fields,
    // What was merged stays so, however late it is told.
    seen: order(fields, isMerged, told.updated_at, step),
  }
  if (told.additions === undefined) return fact
  const details = {
    merge_status: isMerged ? 'merged' : mergeStatus(told),
    lines_added: told.additions,
    lines_deleted: told.deletions ?? 0,
    files_changed: told.changed_files ?? 0,
    commits: told.commits ?? 0,
  }
  return { ...fact, details, details_seen: order(details, isMerged, told.updated_at, told.mergeable != null) }
}

function deploymentFact(repository: string, told: Payload<'deployment'>['deployment']): Fact {
  const fact = {
    kind: 'deployment',
    repository,
    deployment_id: told.id,
    environment: told.environment,
    ref: told.ref ?? null,
    sha: told.sha,
    task: told.task ?? null,
    description: told.description ?? null,
    creator: told.creator?.login ?? null,
    url: told.url ?? null,
    created_at: told.created_at,
  }
  return { ...fact, seen: order(fact, told.updated_at) }
}

type Reader<Event extends WebhookEvent> = (repository: string, payload: Payload<Event>) => Fact[]

const READERS: { readonly [Event in WebhookEvent]: Reader<Event> } = {
  push(repository, payload) {
    const { pushed_at } = payload.repository
    const pushedAt =
      typeof pushed_at === 'number'
        ? new Date(pushed_at * 1000).toISOString()
        : (pushed_at ?? payload.head_commit?.timestamp ?? null)
    const fact = {
      kind: 'push',
      repository,
      ref: payload.ref,
      head_sha: payload.deleted || payload.after === none ? null : payload.after,
      before_sha: payload.before === none ? null : payload.before,
      pusher: payload.pusher?.name ?? null,
      commits: payload.commits.length,
      is_forced: payload.forced,
      is_deleted: payload.deleted,
      compare_url: payload.compare ?? null,
      pushed_at: pushedAt,
    }
    return [{ ...fact, seen: order(fact, pushedAt) }]
  },
  pull_request: (repository, { pull_request }) => [pullRequestFact(repository, pull_request)],
  pull_request_review(repository, { pull_request, review }) {
    const fact = {
      kind: 'review',
      repository,
      number: pull_request.number,
      review_id: review.id,
      reviewer: review.user?.login ?? 'ghost',
      state: review.state,
      // A review that is not submitted yet has the time of its pull request.
      submitted_at: review.submitted_at ?? pull_request.updated_at,
      url: review.html_url ?? null,
    }
    const seen = order(fact, review.state === 'dismissed', pull_request.updated_at, fact.submitted_at)
    return [pullRequestFact(repository, pull_request), { ...fact, seen }]
  },
  check_run(repository, { check_run: told }) {
    const fact = {
      kind: 'check',
      repository,
      check_kind: 'run',
      check_id: told.id,
      name: told.name,
      app: told.app?.slug ?? told.app?.name ?? null,
      branch: told.check_suite?.head_branch ?? null,
      head_sha: told.head_sha,
      status: told.status ?? 'queued',
      conclusion: told.conclusion ?? null,
      url: told.html_url ?? null,
      started_at: told.started_at ?? null,
      completed_at: told.completed_at ?? null,
    }
    const time = later(told.started_at, told.completed_at)
    return [{ ...fact, seen: order(fact, isDone(told.status), time, stepOf(told.status)) }]
  },
  check_suite(repository, { check_suite: told }) {
    const fact = {
      kind: 'check',
      repository,
      check_kind: 'suite',
      check_id: told.id,
      name: told.app?.name ?? null,
      app: told.app?.slug ?? told.app?.name ?? null,
      branch: told.head_branch ?? null,
      head_sha: told.head_sha,
      status: told.status ?? 'queued',
      conclusion: told.conclusion ?? null,
      url: null,
      started_at: told.created_at,
      completed_at: isDone(told.status) ? told.updated_at : null,
    }
    return [{ ...fact, seen: order(fact, isDone(told.status), told.updated_at, stepOf(told.status)) }]
  },
  workflow_run(repository, { workflow, workflow_run: told }) {
    const fact = {
      kind: 'run',
      repository,
      run_id: told.id,
      workflow_name: told.name || workflow?.name || null,
      event: told.event ?? null,
      branch: told.head_branch ?? null,
      head_sha: told.head_sha,
      attempt: told.run_attempt ?? 1,
      run_number: told.run_number ?? null,
      status: told.status,
      conclusion: told.conclusion ?? null,
      actor: told.actor?.login ?? null,
      url: told.html_url ?? null,
      created_at: told.created_at,
      started_at: told.run_started_at ?? null,
      updated_at: told.updated_at,
    }
    return [{ ...fact, seen: order(fact, fact.attempt, isDone(told.status), told.updated_at, stepOf(told.status)) }]
  },
  workflow_job(repository, { workflow_job: told }) {
    const fact = {
      kind: 'job',
      repository,
      job_id: told.id,
      run_id: told.run_id,
      attempt: told.run_attempt ?? 1,
      name: told.name,
      workflow_name: told.workflow_name ?? null,
      branch: told.head_branch ?? null,
      head_sha: told.head_sha,
      status: told.status,
      conclusion: told.conclusion ?? null,
      runner: told.runner_name ?? null,
      labels: sorted(told.labels),
      url: told.html_url ?? null,
      created_at: told.created_at ?? null,
      started_at: told.started_at ?? null,
      completed_at: told.completed_at ?? null,
    }
    const time = later(told.created_at, told.started_at, told.completed_at)
    return [{ ...fact, seen: order(fact, fact.attempt, isDone(told.status), time, stepOf(told.status)) }]
  },
  deployment: (repository, { deployment }) => [deploymentFact(repository, deployment)],
  deployment_status: (repository, { deployment, deployment_status: told }) => [
    deploymentFact(repository, deployment),
    {
      kind: 'deployment_status',
      repository,
      deployment_id: deployment.id,
      status: told.state,
      status_id: told.id,
      status_description: told.description ?? null,
      status_url: told.log_url || told.target_url || null,
      status_at: told.updated_at ?? told.created_at,
    },
  ],
}

/** What a payload of that event tells. */
export function factsOf<Event extends WebhookEvent>(event: Event, payload: Payload<Event>): Fact[] {
  return READERS[event](payload.repository.full_name, payload)
}

/** What a job that another system tells of is, as a fact; what a webhook tells of it wins. */
export function jobFact(job: {
  repository: string
  jobId: number
  name: string
  workflowName: string | null
  conclusion: string | null
  queuedAt: string | null
  startedAt: string | null
  completedAt: string | null
}): Fact {
  const fact = {
    kind: 'job',
    repository: job.repository,
    job_id: job.jobId,
    attempt: 0,
    name: job.name,
    workflow_name: job.workflowName,
    status: job.conclusion === null ? 'in_progress' : 'completed',
    conclusion: job.conclusion,
    labels: [],
    created_at: job.queuedAt,
    started_at: job.startedAt,
    completed_at: job.completedAt,
  }
  const time = later(job.queuedAt, job.startedAt, job.completedAt)
  return { ...fact, seen: order(fact, 0, isDone(fact.status), time, stepOf(fact.status)) }
}
