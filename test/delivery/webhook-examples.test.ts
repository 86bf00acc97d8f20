import { WEBHOOK_EVENTS } from 'pgfleet/delivery'
import { describe, expect, test } from 'vitest'
import { newTenant, sql, useFleet } from '../setup/tenant.js'
import { type AnyPayload, examplesOf } from './webhook-examples.js'

const fleet = useFleet()

const iso = (time: string | number | null | undefined) =>
  time == null ? null : new Date(typeof time === 'number' ? time * 1000 : time)
const names = (list: AnyPayload[] | undefined, member = 'login') => (list ?? []).map((each) => each[member]).sort()
const isoOrNull = (sha: string) => (/^0+$/.test(sha) ? null : sha)

/** A pull request as every payload tells of it. */
const pullRequest = ({ repository, pull_request: told }: AnyPayload) => ({
  repository: repository.full_name,
  number: told.number,
  url: told.html_url,
  title: told.title,
  description: told.body,
  branch: told.head.ref,
  base_branch: told.base.ref,
  head_sha: told.head.sha,
  status: told.merged_at ? 'merged' : told.state === 'closed' ? 'closed' : told.draft ? 'draft' : 'open',
  author: told.user.login,
  assignees: names(told.assignees),
  reviewers: names(told.requested_reviewers),
  labels: names(told.labels, 'name'),
  opened_at: iso(told.created_at),
  merged_at: iso(told.merged_at),
  closed_at: iso(told.closed_at),
  version: 1,
})

/** What has to be in which table after a payload, written down a second time. */
const EXPECTED: Record<string, (payload: AnyPayload) => [table: string, row: object][]> = {
  push: (payload) => [
    [
      'branches',
      {
        repository: payload.repository.full_name,
        ref: payload.ref,
        head_sha: isoOrNull(payload.after),
        before_sha: isoOrNull(payload.before),
        pusher: payload.pusher.name,
        commits: payload.commits.length,
        is_forced: payload.forced,
        is_deleted: payload.deleted,
        compare_url: payload.compare,
        pushed_at: iso(payload.repository.pushed_at),
      },
    ],
  ],
  pull_request: (payload) => [
    [
      'pull_requests',
      {
        ...pullRequest(payload),
        merge_status: payload.pull_request.mergeable === null ? 'pending' : 'mergeable',
        lines_added: payload.pull_request.additions,
        lines_deleted: payload.pull_request.deletions,
        files_changed: payload.pull_request.changed_files,
        commits: payload.pull_request.commits,
      },
    ],
  ],
  pull_request_review: (payload) => [
    [
      'pull_requests',
      {
        ...pullRequest(payload),
        review_status: payload.review.state === 'dismissed' ? 'dismissed' : 'pending',
        approvals: 0,
      },
    ],
    [
      'pull_request_reviews',
      {
        repository: payload.repository.full_name,
        number: payload.pull_request.number,
        review_id: payload.review.id,
        reviewer: payload.review.user.login,
        state: payload.review.state,
        submitted_at: iso(payload.review.submitted_at),
        url: payload.review.html_url,
      },
    ],
  ],
  check_run: ({ repository, check_run: told }) => [
    [
      'checks',
      {
        repository: repository.full_name,
        check_kind: 'run',
        check_id: told.id,
        name: told.name,
        app: told.app.slug ?? told.app.name,
        branch: told.check_suite.head_branch,
        head_sha: told.head_sha,
        status: told.status,
        conclusion: told.conclusion,
        url: told.html_url ?? null,
        started_at: iso(told.started_at),
        completed_at: iso(told.completed_at),
      },
    ],
  ],
  check_suite: ({ repository, check_suite: told }) => [
    [
      'checks',
      {
        repository: repository.full_name,
        check_kind: 'suite',
        check_id: told.id,
        name: told.app.name,
        branch: told.head_branch,
        head_sha: told.head_sha,
        status: told.status,
        conclusion: told.conclusion,
        started_at: iso(told.created_at),
        completed_at: told.status === 'completed' ? iso(told.updated_at) : null,
      },
    ],
  ],
  workflow_run: ({ repository, workflow, workflow_run: told }) => [
    [
      'pipeline_runs',
      {
        repository: repository.full_name,
        run_id: told.id,
        workflow_name: told.name || workflow.name || null,
        event: told.event,
        branch: told.head_branch,
        head_sha: told.head_sha,
        attempt: told.run_attempt,
        run_number: told.run_number,
        status: told.status,
        conclusion: told.conclusion,
        actor: told.actor?.login ?? null,
        url: told.html_url,
        created_at: iso(told.created_at),
        started_at: iso(told.run_started_at),
        updated_at: iso(told.updated_at),
      },
    ],
  ],
  workflow_job: ({ repository, workflow_job: told }) => [
    [
      'pipeline_jobs',
      {
        repository: repository.full_name,
        job_id: told.id,
        run_id: told.run_id,
        attempt: told.run_attempt ?? 1,
        name: told.name,
        workflow_name: told.workflow_name ?? null,
        branch: told.head_branch ?? null,
        head_sha: told.head_sha,
        status: told.status,
        conclusion: told.conclusion,
        runner: told.runner_name,
        labels: told.labels.toSorted(),
        url: told.html_url,
        created_at: iso(told.created_at),
        started_at: iso(told.started_at),
        completed_at: iso(told.completed_at),
      },
    ],
  ],
  deployment: ({ repository, deployment: told }) => [
    [
      'deployments',
      {
        repository: repository.full_name,
        deployment_id: told.id,
        environment: told.environment,
        ref: told.ref,
        sha: told.sha,
        task: told.task,
        description: told.description,
        creator: told.creator.login,
        url: told.url,
        created_at: iso(told.created_at),
        status: 'pending',
        status_id: null,
      },
    ],
  ],
  deployment_status: (payload) => [
    [
      'deployments',
      {
        ...(EXPECTED.deployment as (payload: AnyPayload) => [string, object][])(payload)[0]?.[1],
        status: payload.deployment_status.state,
        status_id: payload.deployment_status.id,
        status_description: payload.deployment_status.description,
        status_url: payload.deployment_status.log_url || payload.deployment_status.target_url || null,
        status_at: iso(payload.deployment_status.updated_at),
      },
    ],
  ],
}

const TABLES = [
  'branches',
  'pull_requests',
  'pull_request_reviews',
  'checks',
  'pipeline_runs',
  'pipeline_jobs',
  'deployments',
]

test('there are expectations for every event that is taken in', () => {
  expect(Object.keys(EXPECTED).sort()).toEqual([...WEBHOOK_EVENTS].sort())
})

describe.each(Object.keys(EXPECTED))('every example of %s', (event) => {
  const examples = examplesOf(event)

  test('is there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(4)
  })

  test.each(examples.map((payload, n) => [n, payload.action ?? '', payload] as const))(
    '%i %s goes in, field by field, and again changes nothing',
    async (n, _, payload) => {
      const { id: tenant, delivery } = await newTenant(fleet())
      const id = `${event}-${n}`
      expect(await delivery.ingest(event, payload, id)).toEqual({ deliveryId: id, event, replayed: false })
      const rows = async () => {
        const found = new Map<string, Record<string, unknown>[]>()
        for (const table of TABLES) {
          found.set(table, await sql(fleet(), `select * from delivery.${table} where tenant_id = $1`, [tenant]))
        }
        return found
      }
      const found = await rows()
      const expected = new Map((EXPECTED[event] as (payload: AnyPayload) => [string, object][])(payload))
      for (const table of TABLES) {
        const row = expected.get(table)
        expect(found.get(table), table).toHaveLength(row === undefined ? 0 : 1)
        if (row !== undefined) expect(found.get(table)?.[0], table).toMatchObject(row)
      }
      const audit = () =>
        sql(
          fleet(),
          'select action, actor_type, actor_id, correlation_id from delivery.audit_log where tenant_id = $1',
          [tenant],
        )
      const who = { actor_type: 'webhook', actor_id: payload.sender.login, correlation_id: id }
      expect(await audit()).toEqual([{ action: 'create', ...who }])
      expect(await delivery.ingest(event, JSON.stringify(payload), id)).toMatchObject({ replayed: true })
      // The same under another id, as when a delivery is sent by hand.
      expect(await delivery.ingest(event, payload, `${id}-again`)).toMatchObject({ replayed: false })
      expect(await rows()).toEqual(found)
      expect(await audit()).toHaveLength(1)
      expect(await delivery.webhooks.rejects()).toEqual([])
    },
  )
})
