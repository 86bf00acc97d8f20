import type { Tenant } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, useFleet } from '../setup/tenant.js'
import { type AnyPayload, changed, examplesOf } from './webhook-examples.js'

const fleet = useFleet()

const SHA = { a: 'a'.repeat(40), b: 'b'.repeat(40) }
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute))
const told = (minute: number) => at(minute).toISOString().replace('.000', '')

let deliveries = 0
const tell = ({ delivery }: Tenant, event: string, index: number, change: (payload: AnyPayload) => void) =>
  delivery.ingest(event, changed(examplesOf(event)[index], change), `o-${deliveries++}`)

const checkRun = (tenant: Tenant, repository: string, id: number, minute: number, fields: object = {}) =>
  tell(tenant, 'check_run', 0, (payload) => {
    payload.repository.full_name = repository
    Object.assign(payload.check_run, { id, head_sha: SHA.a, started_at: told(minute), completed_at: told(minute) })
    Object.assign(payload.check_run, fields)
  })
const workflowRun = (tenant: Tenant, repository: string, id: number, minute: number, fields: object = {}) =>
  tell(tenant, 'workflow_run', 1, (payload) => {
    payload.repository.full_name = repository
    Object.assign(payload.workflow_run, { id, head_sha: SHA.a, created_at: told(minute), updated_at: told(minute) })
    Object.assign(payload.workflow_run, fields)
  })
const deployment = (tenant: Tenant, repository: string, id: number, minute: number, fields: object = {}) =>
  tell(tenant, 'deployment', 0, (payload) => {
    payload.repository.full_name = repository
    Object.assign(payload.deployment, { id, sha: SHA.a, created_at: told(minute), updated_at: told(minute) })
    Object.assign(payload.deployment, fields)
  })
const push = (tenant: Tenant, repository: string, ref: string, minute: number, fields: object = {}) =>
  tell(tenant, 'push', 0, (payload) => {
    Object.assign(payload.repository, { full_name: repository, pushed_at: at(minute).getTime() / 1000 })
    Object.assign(payload, { ref, after: SHA.a, deleted: false }, fields)
  })
const head = (tenant: Tenant, repository: string, number: number, sha: string) =>
  tell(tenant, 'pull_request', 0, (payload) => {
    payload.repository.full_name = repository
    payload.pull_request.number = number
    payload.pull_request.head.sha = sha
  })

describe('checks', () => {
  const ids = (checks: readonly { checkId: number }[]) => checks.map(({ checkId }) => checkId)
  async function filled() {
    const tenant = await newTenant(fleet())
    const { checks } = tenant.delivery
    await checkRun(tenant, 'acme/a', 1, 1, { name: 'lint', status: 'completed', conclusion: 'success' })
    await checkRun(tenant, 'acme/b', 2, 2, {
      name: 'lint',
      status: 'completed',
      conclusion: 'failure',
      head_sha: SHA.b,
    })
    await checkRun(tenant, 'acme/a', 3, 3, {
      name: 'test',
      status: 'in_progress',
      conclusion: null,
      check_suite: { head_branch: 'topic' },
      app: { slug: 'ci' },
    })
    await tell(tenant, 'check_suite', 0, (payload) => {
      payload.repository.full_name = 'acme/a'
      Object.assign(payload.check_suite, { id: 2, head_sha: SHA.a })
    })
    return { tenant, checks }
  }

  test('are listed newest first, and by what they are', async () => {
    const { checks } = await filled()
    expect(ids(await checks.list())).toEqual([3, 2, 1])
    expect(ids(await checks.list({ repository: 'acme/a' }))).toEqual([3, 1])
    expect(ids(await checks.list({ kind: 'suite' }))).toEqual([2])
    expect(ids(await checks.list({ headSha: SHA.b }))).toEqual([2])
    expect(ids(await checks.list({ name: 'lint' }))).toEqual([2, 1])
    expect(ids(await checks.list({ conclusion: 'failure' }))).toEqual([2])
    expect(ids(await checks.list({ status: 'in_progress' }))).toEqual([3])
    expect(ids(await checks.list({ branch: 'topic', app: 'ci' }))).toEqual([3])
    expect(ids(await checks.list({ from: at(2) }))).toEqual([3, 2])
    expect(ids(await checks.list({ from: at(2), to: at(3) }))).toEqual([2])
    expect(ids(await checks.list({ repository: 'acme/a', name: 'lint', headSha: SHA.a, status: 'completed' }))).toEqual(
      [1],
    )
  })

  test('of a pull request are those of its head, in its repository', async () => {
    const { tenant, checks } = await filled()
    const pullRequest = { repository: 'acme/b', number: 7 }
    expect(await checks.list({ pullRequest })).toEqual([])
    await head(tenant, 'acme/b', 7, SHA.b)
    expect(ids(await checks.list({ pullRequest }))).toEqual([2])
    // The same commit in a fork is another's.
    await checkRun(tenant, 'acme/fork', 9, 1, { head_sha: SHA.b })
    expect(ids(await checks.list({ pullRequest }))).toEqual([2])
    expect(await checks.list({ pullRequest, conclusion: 'success' })).toEqual([])
    await head(tenant, 'acme/b', 8, SHA.a)
    expect(await checks.list({ pullRequest: { repository: 'acme/b', number: 8 } })).toEqual([])
  })

  test('are read by their key, and runs are not taken for suites', async () => {
    const { checks } = await filled()
    expect(await checks.get({ repository: 'acme/b', checkId: 2 })).toMatchObject({
      kind: 'run',
      name: 'lint',
      conclusion: 'failure',
      headSha: SHA.b,
      startedAt: at(2),
    })
    expect(await checks.get({ repository: 'acme/b', kind: 'suite', checkId: 2 })).toBeUndefined()
    const found = await checks.get([
      { repository: 'acme/a', kind: 'suite', checkId: 2 },
      { repository: 'acme/a', checkId: 99 },
      { repository: 'acme/a', checkId: 3 },
      { repository: 'acme/a', checkId: 3 },
    ])
    expect(found.map((one) => one && [one.kind, one.checkId])).toEqual([
      ['suite', 2],
      undefined,
      ['run', 3],
      ['run', 3],
    ])
    expect(await checks.get([])).toEqual([])
  })

  test('of one id in two repositories are both paged through', async () => {
    const { tenant, checks } = await filled()
    await checkRun(tenant, 'acme/c', 2, 5)
    const pages = async (filter: object) => {
      const seen: string[] = []
      for (let after: { repository: string; checkId: number } | undefined; ; ) {
        const [next] = await checks.list({ ...filter, limit: 1, ...(after && { after }) })
        if (next === undefined) return seen
        seen.push(`${next.repository}#${next.checkId}`)
        after = { repository: next.repository, checkId: next.checkId }
      }
    }
    expect(await pages({})).toEqual(['acme/a#3', 'acme/c#2', 'acme/b#2', 'acme/a#1'])
    expect(await pages({ repository: 'acme/a' })).toEqual(['acme/a#3', 'acme/a#1'])
    expect(await pages({ headSha: SHA.a })).toEqual(['acme/a#3', 'acme/c#2', 'acme/a#1'])
  })

  test.each([
    ['options.limit', { limit: 0 }],
    ['options.kind', { kind: 'other' }],
    ['options.after.checkId', { after: { repository: 'a/b', checkId: 0 } }],
    ['options.from', { from: new Date(Number.NaN) }],
    ['options.pullRequest.number', { pullRequest: { repository: 'a/b', number: 0 } }],
    ['options.other', { other: 1 }],
  ])('are not listed by a bad %s', async (field, options) => {
    const { delivery } = await newTenant(fleet())
    expect(await failure(delivery.checks.list(options as object), 'INPUT_INVALID')).toMatchObject({ field })
  })

  test('of another tenant are not seen', async () => {
    await filled()
    const { delivery } = await newTenant(fleet())
    expect(await delivery.checks.list()).toEqual([])
    expect(await delivery.checks.get({ repository: 'acme/a', checkId: 1 })).toBeUndefined()
  })
})

test('runs of workflows are listed and read', async () => {
  const tenant = await newTenant(fleet())
  const { pipelineRuns } = tenant.delivery
  const ids = async (options: Parameters<typeof pipelineRuns.list>[0]) =>
    (await pipelineRuns.list(options)).map(({ runId }) => runId)
  await workflowRun(tenant, 'acme/a', 1, 1, { name: 'ci', status: 'completed', conclusion: 'success', event: 'push' })
  await workflowRun(tenant, 'acme/b', 2, 2, { name: 'ci', status: 'completed', conclusion: 'failure', head_sha: SHA.b })
  await workflowRun(tenant, 'acme/a', 3, 3, {
    name: 'nightly',
    status: 'queued',
    conclusion: null,
    head_branch: 'topic',
  })
  expect(await ids({})).toEqual([3, 2, 1])
  expect(await ids({ after: { repository: 'acme/b', runId: 2 } })).toEqual([1])
  expect(await ids({ repository: 'acme/a', limit: 1 })).toEqual([3])
  expect(await ids({ headSha: SHA.b })).toEqual([2])
  expect(await ids({ conclusion: 'failure' })).toEqual([2])
  expect(await ids({ status: 'queued', branch: 'topic' })).toEqual([3])
  expect(await ids({ workflowName: 'ci', event: 'push' })).toEqual([1])
  expect(await ids({ actor: 'nobody' })).toEqual([])
  expect(await ids({ from: at(2) })).toEqual([3, 2])
  expect(await ids({ to: at(2) })).toEqual([1])
  expect(await ids({ from: at(2), to: at(3) })).toEqual([2])
  await head(tenant, 'acme/b', 7, SHA.b)
  expect(await ids({ pullRequest: { repository: 'acme/b', number: 7 } })).toEqual([2])
  const key = { repository: 'acme/b', runId: 2 }
  expect(await pipelineRuns.get(key)).toMatchObject({ ...key, workflowName: 'ci', attempt: 1, createdAt: at(2) })
  expect(await pipelineRuns.get([{ ...key, runId: 9 }, key])).toMatchObject([undefined, { runId: 2 }])
})

test('deployments are listed and read, with their last status', async () => {
  const tenant = await newTenant(fleet())
  const { deployments } = tenant.delivery
  const ids = async (options: Parameters<typeof deployments.list>[0]) =>
    (await deployments.list(options)).map(({ deploymentId }) => deploymentId)
  await deployment(tenant, 'acme/a', 1, 1, { environment: 'production', ref: 'main' })
  await deployment(tenant, 'acme/b', 2, 2, { environment: 'staging', sha: SHA.b })
  await deployment(tenant, 'acme/a', 3, 3, { environment: 'production', creator: { login: 'ada' } })
  await tell(tenant, 'deployment_status', 0, (payload) => {
    payload.repository.full_name = 'acme/a'
    Object.assign(payload.deployment, { id: 3, environment: 'production', creator: { login: 'ada' } })
    Object.assign(payload.deployment, { sha: SHA.a, created_at: told(3), updated_at: told(3) })
    Object.assign(payload.deployment_status, { id: 5, state: 'success' })
  })
  expect(await ids({})).toEqual([3, 2, 1])
  expect(await ids({ environment: 'production' })).toEqual([3, 1])
  expect(await ids({ environment: 'production', after: { repository: 'acme/a', deploymentId: 3 } })).toEqual([1])
  expect(await ids({ repository: 'acme/a', ref: 'main' })).toEqual([1])
  expect(await ids({ status: 'success' })).toEqual([3])
  expect(await ids({ creator: 'ada' })).toEqual([3])
  expect(await ids({ headSha: SHA.b })).toEqual([2])
  expect(await ids({ from: at(1), to: at(2) })).toEqual([1])
  await head(tenant, 'acme/b', 7, SHA.b)
  expect(await ids({ pullRequest: { repository: 'acme/b', number: 7 } })).toEqual([2])
  expect(await deployments.get({ repository: 'acme/a', deploymentId: 3 })).toMatchObject({ status: 'success' })
  expect(await deployments.get({ repository: 'acme/a', deploymentId: 1 })).toMatchObject({
    status: 'pending',
    statusAt: null,
  })
})

test('branches are listed and read, as the last push left them', async () => {
  const tenant = await newTenant(fleet())
  const { branches } = tenant.delivery
  const names = async (options: Parameters<typeof branches.list>[0]) =>
    (await branches.list(options)).map(({ repository, ref }) => `${repository} ${ref}`)
  await push(tenant, 'acme/b', 'refs/heads/main', 1)
  await push(tenant, 'acme/a', 'refs/heads/topic', 2, { deleted: true, after: '0'.repeat(40) })
  await push(tenant, 'acme/a', 'refs/heads/main', 3, { after: SHA.b, pusher: { name: 'ada' } })
  const all = ['acme/a refs/heads/main', 'acme/a refs/heads/topic', 'acme/b refs/heads/main']
  expect(await names({})).toEqual(all)
  expect(await names({ after: { repository: 'acme/a', ref: 'refs/heads/topic' } })).toEqual([all[2]])
  expect(await names({ repository: 'acme/a', after: { repository: 'acme/a', ref: 'refs/heads/main' } })).toEqual([
    all[1],
  ])
  expect(await names({ isDeleted: true })).toEqual([all[1]])
  expect(await names({ isDeleted: false, repository: 'acme/a' })).toEqual([all[0]])
  expect(await names({ headSha: SHA.b })).toEqual([all[0]])
  expect(await names({ pusher: 'ada' })).toEqual([all[0]])
  expect(await names({ from: at(2), to: at(3) })).toEqual([all[1]])
  expect(await branches.get({ repository: 'acme/a', ref: 'refs/heads/topic' })).toMatchObject({
    headSha: null,
    isDeleted: true,
  })
})

test('jobs are listed by what they are, and read', async () => {
  const tenant = await newTenant(fleet())
  const { pipeline } = tenant.delivery
  const job = (id: number, minute: number, fields: object = {}) =>
    tell(tenant, 'workflow_job', 0, (payload) => {
      payload.repository.full_name = 'acme/a'
      Object.assign(payload.workflow_job, { id, run_id: 1, head_sha: SHA.a, started_at: told(minute), ...fields })
    })
  await job(1, 1, { name: 'build', status: 'completed', conclusion: 'success' })
  await job(2, 2, { name: 'test', run_id: 2, status: 'in_progress', conclusion: null, runner_name: 'r7' })
  await job(3, 3, { name: 'test', status: 'completed', conclusion: 'failure', head_branch: 'topic', head_sha: SHA.b })
  const ids = async (options: Parameters<typeof pipeline.jobs>[1]) =>
    (await pipeline.jobs('acme/a', options)).map(({ jobId }) => jobId)
  expect(await ids({})).toEqual([3, 2, 1])
  expect(await ids({ runId: 1 })).toEqual([3, 1])
  expect(await ids({ runId: 1, after: 3 })).toEqual([1])
  expect(await ids({ name: 'test', conclusion: 'failure' })).toEqual([3])
  expect(await ids({ status: 'in_progress', runner: 'r7' })).toEqual([2])
  expect(await ids({ branch: 'topic' })).toEqual([3])
  expect(await ids({ headSha: SHA.b })).toEqual([3])
  expect(await ids({ workflowName: 'no such' })).toEqual([])
  expect(await ids({ from: at(2), to: at(3) })).toEqual([2])
  expect(await pipeline.job({ repository: 'acme/a', jobId: 2 })).toMatchObject({ name: 'test', runner: 'r7' })
  expect(await pipeline.job({ repository: 'acme/b', jobId: 2 })).toBeUndefined()
})
