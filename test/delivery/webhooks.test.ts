import { sign } from '@octokit/webhooks-methods'
import fc from 'fast-check'
import type { Tenant } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'
import { type AnyPayload, changed, examplesOf } from './webhook-examples.js'

const fleet = useFleet()

const [example] = examplesOf('pull_request').filter(({ pull_request }) => pull_request.mergeable)
const repository: string = example.repository.full_name
const key = { repository, number: example.pull_request.number as number }
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString().replace('.000', '')
const SHA = { a: 'a'.repeat(40), b: 'b'.repeat(40) }

type Delivery = [event: string, payload: AnyPayload]

const pr = (second: number, fields: object = {}): Delivery => [
  'pull_request',
  changed(example, ({ pull_request }) => Object.assign(pull_request, { updated_at: at(second), ...fields })),
]
const head = (sha: string) => ({ head: { ...example.pull_request.head, sha } })
const review = (id: number, login: string, state: string, second: number, pullRequest: object = {}): Delivery => [
  'pull_request_review',
  changed(examplesOf('pull_request_review')[2], ({ review, pull_request }) => {
    Object.assign(review, { id, state, submitted_at: at(second), user: { login } })
    Object.assign(pull_request, { number: key.number, updated_at: at(second), draft: false, ...pullRequest })
  }),
]
const checkRun = (
  id: number,
  name: string,
  sha: string,
  status: string,
  conclusion: string | null,
  second: number,
): Delivery => [
  'check_run',
  changed(examplesOf('check_run')[0], ({ check_run }) => {
    Object.assign(check_run, { id, name, head_sha: sha, status, conclusion })
    Object.assign(check_run, { started_at: at(second), completed_at: conclusion === null ? null : at(second + 1) })
  }),
]
const workflowRun = (
  id: number,
  sha: string,
  attempt: number,
  status: string,
  conclusion: string | null,
  second: number,
): Delivery => [
  'workflow_run',
  changed(examplesOf('workflow_run')[1], ({ workflow_run, repository }) => {
    Object.assign(workflow_run, { id, head_sha: sha, run_attempt: attempt, status, conclusion, updated_at: at(second) })
    repository.full_name = key.repository
  }),
]
const deploymentStatus = (id: number, state: string, second: number): Delivery => [
  'deployment_status',
  changed(examplesOf('deployment_status')[0], ({ deployment_status }) => {
    Object.assign(deployment_status, { id, state, created_at: at(second), updated_at: at(second) })
  }),
]

let deliveries = 0
const send = async ({ delivery }: Pick<Tenant, 'delivery'>, [event, payload]: Delivery) =>
  await delivery.ingest(event, payload, `d-${deliveries++}`)

const STATE = ['pull_requests', 'pull_request_reviews', 'checks', 'pipeline_runs', 'deployments']
/** All that webhooks told, but for how it came to be. */
async function stateOf(tenant: string) {
  const tables = await Promise.all(
    STATE.map((table) =>
      sql<Record<string, unknown>>(
        fleet(),
        `select * from delivery.${table} where tenant_id = $1 order by to_jsonb(${table})::text`,
        [tenant],
      ),
    ),
  )
  return tables.map((rows) => rows.map(({ tenant_id, version, updated_at, search, ...rest }) => rest))
}

describe('late and out of order', () => {
  test('what is older changes nothing, and what was merged stays so', async () => {
    const tenant = await newTenant(fleet())
    const { pullRequests } = tenant.delivery
    await send(tenant, pr(10, { title: 'new' }))
    await send(tenant, pr(5, { title: 'old', draft: true }))
    expect(await pullRequests.get(key)).toMatchObject({ title: 'new', status: 'open', version: 1 })
    await send(tenant, pr(20, { state: 'closed', merged: true, merged_at: at(20), closed_at: at(20) }))
    expect(await pullRequests.get(key)).toMatchObject({
      status: 'merged',
      mergeStatus: 'merged',
      mergedAt: new Date(at(20)),
    })
    await send(tenant, pr(30, { title: 'reopened?' }))
    expect(await pullRequests.get(key)).toMatchObject({ status: 'merged', title: example.pull_request.title })
    const other = await newTenant(fleet())
    await send(other, pr(10, { state: 'closed', closed_at: at(10) }))
    await send(other, pr(15))
    expect(await other.delivery.pullRequests.get(key)).toMatchObject({ status: 'open', closedAt: null })
  })

  test('a completed run is not under way again, but by another attempt', async () => {
    const tenant = await newTenant(fleet())
    const run = async () =>
      (
        await sql(fleet(), 'select attempt, status, conclusion from delivery.pipeline_runs where tenant_id = $1', [
          tenant.id,
        ])
      )[0]
    await send(tenant, workflowRun(1, SHA.a, 1, 'completed', 'failure', 10))
    await send(tenant, workflowRun(1, SHA.a, 1, 'in_progress', null, 20))
    expect(await run()).toEqual({ attempt: 1, status: 'completed', conclusion: 'failure' })
    await send(tenant, workflowRun(1, SHA.a, 2, 'in_progress', null, 15))
    expect(await run()).toEqual({ attempt: 2, status: 'in_progress', conclusion: null })
  })

  test('every order of the deliveries of a pull request ends alike', async () => {
    const all: Delivery[] = [
      pr(1, { draft: true, ...head(SHA.a) }),
      pr(2, { ...head(SHA.a), additions: 50 }),
      // Within one second: nothing but their content tells them apart.
      pr(2, { ...head(SHA.a), title: 'Another title' }),
      pr(3, { ...head(SHA.b), mergeable: null, mergeable_state: 'unknown' }),
      pr(3, { ...head(SHA.b), mergeable: true, mergeable_state: 'clean' }),
      pr(8, { ...head(SHA.b), state: 'closed', closed_at: at(8) }),
      pr(9, { ...head(SHA.b), state: 'closed', merged: true, merged_at: at(9), closed_at: at(9) }),
      review(1, 'ada', 'changes_requested', 4, head(SHA.b)),
      review(2, 'ada', 'approved', 5, head(SHA.b)),
      review(3, 'bob', 'commented', 6, head(SHA.b)),
      review(4, 'carl', 'approved', 4, head(SHA.b)),
      review(4, 'carl', 'dismissed', 4, { ...head(SHA.b), updated_at: at(7) }),
      checkRun(1, 'lint', SHA.a, 'completed', 'success', 2),
      checkRun(2, 'lint', SHA.b, 'in_progress', null, 3),
      checkRun(2, 'lint', SHA.b, 'completed', 'failure', 3),
      checkRun(3, 'lint', SHA.b, 'completed', 'success', 5),
      checkRun(4, 'test', SHA.b, 'completed', 'success', 5),
      workflowRun(1, SHA.b, 1, 'queued', null, 3),
      workflowRun(1, SHA.b, 1, 'completed', 'failure', 4),
      workflowRun(1, SHA.b, 2, 'completed', 'success', 6),
      deploymentStatus(10, 'in_progress', 6),
      deploymentStatus(11, 'success', 6),
    ]
    let expected: unknown
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(all, { minLength: all.length }),
        fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }),
        async (deliveries, together) => {
          const tenant = await newTenant(fleet())
          // Some alone, some at the same moment.
          let calls: Promise<unknown>[] = []
          for (const [n, each] of deliveries.entries()) {
            calls.push(send(tenant, each))
            if (together[n]) continue
            await Promise.all(calls)
            calls = []
          }
          await Promise.all(calls)
          const state = await stateOf(tenant.id)
          expected ??= state
          expect(state).toEqual(expected)
          expect(await tenant.delivery.pullRequests.get(key)).toMatchObject({
            status: 'merged',
            reviewStatus: 'approved',
            approvals: 1,
            ciStatus: 'success',
            headSha: SHA.b,
          })
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('the CI status of a pull request', () => {
  const cases: [string, Delivery[], string][] = [
    ['nothing is known', [], 'pending'],
    ['a check is queued', [checkRun(1, 'a', SHA.a, 'queued', null, 1)], 'pending'],
    [
      'one is done and one queued',
      [checkRun(1, 'a', SHA.a, 'completed', 'success', 1), checkRun(2, 'b', SHA.a, 'queued', null, 1)],
      'running',
    ],
    [
      'one failed and one runs',
      [checkRun(1, 'a', SHA.a, 'completed', 'timed_out', 1), checkRun(2, 'b', SHA.a, 'in_progress', null, 1)],
      'failure',
    ],
    [
      'a failed one was run again',
      [checkRun(1, 'a', SHA.a, 'completed', 'failure', 1), checkRun(2, 'a', SHA.a, 'completed', 'success', 2)],
      'success',
    ],
    [
      'one was cancelled',
      [checkRun(1, 'a', SHA.a, 'completed', 'cancelled', 1), checkRun(2, 'b', SHA.a, 'completed', 'success', 1)],
      'cancelled',
    ],
    ['all were skipped', [checkRun(1, 'a', SHA.a, 'completed', 'skipped', 1)], 'skipped'],
    [
      'some were skipped',
      [checkRun(1, 'a', SHA.a, 'completed', 'skipped', 1), checkRun(2, 'b', SHA.a, 'completed', 'neutral', 1)],
      'success',
    ],
    ['workflows alone are known', [workflowRun(1, SHA.a, 1, 'completed', 'success', 1)], 'success'],
    ['another commit failed', [checkRun(1, 'a', SHA.b, 'completed', 'failure', 1)], 'pending'],
  ]
  test.each(cases)('when %s', async (_, deliveries, ciStatus) => {
    const tenant = await newTenant(fleet())
    await send(tenant, pr(1, head(SHA.a)))
    for (const each of deliveries) await send(tenant, each)
    expect(await tenant.delivery.pullRequests.get(key)).toMatchObject({ ciStatus })
  })

  test('begins anew with another commit', async () => {
    const tenant = await newTenant(fleet())
    await send(tenant, pr(1, head(SHA.a)))
    await send(tenant, checkRun(1, 'a', SHA.a, 'completed', 'success', 1))
    await send(tenant, pr(2, head(SHA.b)))
    expect(await tenant.delivery.pullRequests.get(key)).toMatchObject({ ciStatus: 'pending' })
  })
})

test('what a caller knows of a pull request stays beside what webhooks tell', async () => {
  const tenant = await newTenant(fleet())
  const { pullRequests } = tenant.delivery
  await pullRequests.upsert({ ...key, title: 'by hand', securityStatus: 'passed', coverage: 91, metadata: { a: 1 } })
  await send(tenant, pr(1))
  expect(await pullRequests.get(key)).toMatchObject({
    title: example.pull_request.title,
    securityStatus: 'passed',
    coverage: 91,
    metadata: { a: 1 },
  })
  const rows = await sql<{ action: string; changes: Record<string, unknown> }>(
    fleet(),
    `select action, changes from delivery.audit_log where tenant_id = $1 order by sequence`,
    [tenant.id],
  )
  expect(rows).toMatchObject([
    { action: 'create' },
    { action: 'update', changes: { title: ['by hand', example.pull_request.title] } },
  ])
  expect(rows[1]?.changes).not.toHaveProperty('seen')
})

test('deliveries of many at once are taken in once each', async () => {
  const tenant = await newTenant(fleet())
  const calls = Array.from({ length: 60 }, (_, n) =>
    tenant.delivery.ingest('check_run', checkRun(1 + (n % 5), 'a', SHA.a, 'queued', null, 1)[1], `same-${n % 20}`),
  )
  const answers = await Promise.all(calls)
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(20)
})

describe('a signature', () => {
  const body = JSON.stringify(example)
  test('of the body by one of the secrets is good', async () => {
    const { delivery } = await newTenant(fleet())
    const signature = await sign('new', body)
    await delivery.ingest('pull_request', body, 'one', { secret: ['new', 'old'], signature })
    await delivery.ingest('pull_request', body, 'two', { secret: 'new', signature })
    await delivery.ingest('pull_request', body, 'three', { secret: ['old', 'new'], signature })
  })

  const bad: [string, (good: string) => string | undefined][] = [
    ['none', () => undefined],
    ['another', (good) => good.replace(/.$/, (last) => (last === '0' ? '1' : '0'))],
    ['an empty one', () => ''],
    ['one of another form', (good) => good.replace('sha256=', 'sha1=')],
    ['text', () => 'sha256=é'],
  ]
  test.each(bad)('that is %s is refused, and nothing is kept', async (_, spoil) => {
    const { id, delivery } = await newTenant(fleet())
    const signature = spoil(await sign('secret', body))
    const call = delivery.ingest('pull_request', body, 'one', {
      secret: 'secret',
      ...(signature !== undefined && { signature }),
    })
    const error = await failure(call, 'WEBHOOK_SIGNATURE_INVALID')
    expect(error.field).toBe('options.signature')
    expect(await delivery.pullRequests.list()).toEqual([])
    expect(await delivery.webhooks.rejects()).toEqual([])
    expect(await sql(fleet(), 'select from delivery.audit_log where tenant_id = $1', [id])).toEqual([])
  })

  test('needs the secret, and the body as text', async () => {
    const { delivery } = await newTenant(fleet())
    const signature = await sign('secret', body)
    const noSecret = await failure(delivery.ingest('push', body, 'one', { signature }), 'INPUT_INVALID')
    expect(noSecret.field).toBe('options.secret')
    const parsed = await failure(delivery.ingest('push', example, 'one', { secret: 's', signature }), 'INPUT_INVALID')
    expect(parsed.field).toBe('payload')
  })
})

describe('what is not known is kept aside with the reason, and never half-applied', () => {
  const broken = changed(examplesOf('pull_request_review')[2], ({ review }) => {
    review.state = 'shrugged'
  })
  const cases: [string, string, string | object, RegExp, string][] = [
    ['another event', 'star', { action: 'created' }, /^the event is none/, 'event'],
    ['a name of every object', 'constructor', {}, /^the event is none/, 'event'],
    ['no JSON', 'push', '{', /^the payload is not JSON$/, 'payload'],
    ['another shape', 'pull_request', { action: 'opened' }, /^payload\.repository: /, 'payload'],
    ['half of a known shape', 'pull_request_review', broken, /^payload\.review\.state: /, 'payload'],
    ['a list', 'push', '[]', /^payload\.: /, 'payload'],
  ]
  test.each(cases)('%s', async (_, event, payload, reason, field) => {
    const { id, delivery } = await newTenant(fleet())
    const error = await failure(delivery.ingest(event, payload, 'one'), 'WEBHOOK_REJECTED')
    expect(error.field).toBe(field)
    expect(error.details.reason).toMatch(reason)
    await failure(delivery.ingest(event, payload, 'one'), 'WEBHOOK_REJECTED')
    expect(await delivery.webhooks.rejects()).toMatchObject([
      {
        deliveryId: 'one',
        event,
        reason: error.details.reason,
        payload: payload === '{' ? null : payload === '[]' ? [] : payload,
      },
    ])
    expect(await delivery.pullRequests.list()).toEqual([])
    expect(
      await sql(fleet(), 'select entity_type, action, result from delivery.audit_log where tenant_id = $1', [id]),
    ).toEqual([{ entity_type: 'webhook', action: 'reject', result: 'failure' }])
  })

  test('without its secrets, and without what the database cannot hold', async () => {
    const { delivery } = await newTenant(fleet())
    await failure(delivery.ingest('star', { token: 'x', deep: [{ client_secret: 'y' }] }, 'one'))
    await failure(delivery.ingest('star', { text: '\0' }, 'two'))
    await failure(delivery.ingest('star', { text: 'x'.repeat(300_000) }, 'two-long'))
    expect((await delivery.webhooks.rejects()).map(({ payload }) => payload)).toEqual([
      { token: '[redacted]', deep: [{ client_secret: '[redacted]' }] },
      null,
      null,
    ])
    expect(await delivery.webhooks.rejects({ after: 'one', limit: 1 })).toMatchObject([{ deliveryId: 'two' }])
  })

  test('and taken in once it is sent again in a known shape', async () => {
    const { delivery } = await newTenant(fleet())
    await failure(delivery.ingest('pull_request', { action: 'opened' }, 'one'), 'WEBHOOK_REJECTED')
    expect(await delivery.ingest('pull_request', example, 'one')).toMatchObject({ replayed: false })
  })
})

test('old deliveries and rejects are forgotten, what they told is not', async () => {
  const { id, delivery } = await newTenant(fleet())
  await delivery.ingest('pull_request', example, 'one')
  await failure(delivery.ingest('star', {}, 'two'))
  expect(await delivery.webhooks.prune()).toBe(0)
  for (const table of ['webhook_deliveries', 'webhook_rejects'])
    await sql(fleet(), `update delivery.${table} set received_at = now() - interval '31 days' where tenant_id = $1`, [
      id,
    ])
  expect(await delivery.webhooks.prune()).toBe(2)
  expect(await delivery.webhooks.rejects()).toEqual([])
  const before = await delivery.pullRequests.get(key)
  expect(await delivery.ingest('pull_request', example, 'one')).toMatchObject({ replayed: false })
  expect(await delivery.pullRequests.get(key)).toEqual(before)
})

describe('jobs that another system tells of', () => {
  const job = { repository, jobId: 7, name: 'build', conclusion: 'success', startedAt: new Date(at(1)) }
  test('are recorded once, and listed newest first', async () => {
    const { id, delivery } = await newTenant(fleet())
    expect(await delivery.pipeline.recordJobs([job, { ...job, jobId: 8 }])).toEqual([true, true])
    expect(await delivery.pipeline.recordJobs([job, { ...job, jobId: 9, queuedAt: new Date(at(0)) }])).toEqual([
      false,
      true,
    ])
    const found = await delivery.pipeline.jobs(repository)
    expect(found.map(({ jobId }) => jobId)).toEqual([9, 8, 7])
    expect(found[2]).toMatchObject({ ...job, status: 'completed', queuedAt: null, completedAt: null, runId: null })
    expect(await delivery.pipeline.jobs(repository, { after: 9, limit: 1 })).toMatchObject([{ jobId: 8 }])
    expect(await sql(fleet(), 'select from delivery.audit_log where tenant_id = $1', [id])).toHaveLength(3)
  })

  test('do not change what a webhook told', async () => {
    const tenant = await newTenant(fleet())
    const payload = examplesOf('workflow_job')[1]
    await send(tenant, ['workflow_job', payload])
    const before = await tenant.delivery.pipeline.jobs(payload.repository.full_name)
    const late = {
      ...job,
      repository: payload.repository.full_name,
      jobId: payload.workflow_job.id,
      startedAt: new Date(),
    }
    expect(await tenant.delivery.pipeline.recordJobs([late])).toEqual([false])
    expect(await tenant.delivery.pipeline.jobs(payload.repository.full_name)).toEqual(before)
  })

  test.each([
    ['jobs[0].jobId', { ...job, jobId: 0 }],
    ['jobs[0].name', { ...job, name: '' }],
    ['jobs[0].startedAt', { ...job, startedAt: new Date(Number.NaN) }],
    ['jobs[0].other', { ...job, other: 1 }],
  ])('with a bad %s are refused', async (field, input) => {
    const { delivery } = await newTenant(fleet())
    expect(await failure(delivery.pipeline.recordJobs([input]), 'INPUT_INVALID')).toMatchObject({ field })
  })
})

describe('bad input', () => {
  test.each([
    ['event', ['', {}, 'one']],
    ['deliveryId', ['push', {}, '']],
    ['payload', ['push', 5, 'one']],
    ['options.secret', ['push', '{}', 'one', { secret: '' }]],
    ['options.other', ['push', '{}', 'one', { other: 1 }]],
  ])('%s is refused, and nothing is kept', async (field, args) => {
    const { delivery } = await newTenant(fleet())
    const ingest = delivery.ingest as (...args: unknown[]) => Promise<unknown>
    expect(await failure(ingest(...(args as unknown[])), 'INPUT_INVALID')).toMatchObject({ field })
    expect(await delivery.webhooks.rejects()).toEqual([])
  })
})
