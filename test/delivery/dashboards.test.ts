import type { Tenant } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { openTestFleet } from '../setup/index.js'
import { failure, newTenant as makeTenant, sql } from '../setup/tenant.js'
import { settled } from './settled.js'

const fleet = await openTestFleet()
const newTenant = () => makeTenant(fleet)
const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Inserts rows of the tenant, as they would be after so long a time: the stores stamp their own. */
async function insert(tenant: Tenant, table: string, ...rows: Record<string, unknown>[]): Promise<void> {
  for (const row of rows) {
    const names = Object.keys(row)
    await sql(
      fleet,
      `insert into delivery.${table} (tenant_id, ${names.join(', ')}) values ($1, ${names.map((_, i) => `$${i + 2}`).join(', ')})`,
      [tenant.id, ...Object.values(row)],
    )
  }
}

interface Workflow {
  readonly id?: string
  readonly status: string
  readonly minutes?: number
  readonly daysAgo?: number
  readonly estimateMinutes?: number
  readonly done?: number
  readonly tasks?: number
  readonly environment?: string
}

/** A workflow that ran so many minutes and ended so many days ago. */
async function addWorkflow(tenant: Tenant, workflow: Workflow): Promise<string> {
  const { id = uuidv7(), status, minutes, daysAgo = 0, estimateMinutes, done = 0, tasks = 4 } = workflow
  const ended = new Date(Date.now() - daysAgo * DAY - HOUR)
  const hasEnded = ['completed', 'failed', 'cancelled', 'timeout'].includes(status)
  await insert(tenant, 'workflows', {
    workflow_id: id,
    status,
    task_count: tasks,
    open_tasks: tasks - done,
    completed_tasks: done,
    started_at: minutes === undefined ? null : new Date(ended.getTime() - minutes * 60_000),
    ended_at: hasEnded ? ended : null,
  })
  await insert(tenant, 'workflow_details', {
    workflow_id: id,
    content_hash: uuidv7(),
    name: `w ${status}`,
    environment: workflow.environment ?? 'staging',
    estimate_ms: estimateMinutes === undefined ? null : estimateMinutes * 60_000,
  })
  return id
}

const addSession = async (tenant: Tenant, row: Record<string, unknown> = {}) => {
  const id = uuidv7()
  await insert(tenant, 'agent_sessions', {
    session_id: id,
    agent_name: 'rev',
    agent_type: 'reviewer',
    content_hash: uuidv7(),
    ...row,
  })
  return id
}

let prs = 0
const addPullRequest = (tenant: Tenant, row: Record<string, unknown>) =>
  insert(tenant, 'pull_requests', { pull_request_id: uuidv7(), repository: 'a/b', number: ++prs, title: 't', ...row })

test('a workflow counts its sessions and pull requests once each', async () => {
  const tenant = await newTenant()
  const id = await addWorkflow(tenant, { status: 'running', minutes: 60, estimateMinutes: 50, done: 1 })
  const bare = await addWorkflow(tenant, { status: 'cancelled' })
  const empty = await addWorkflow(tenant, { status: 'completed', minutes: 6, estimateMinutes: 6, tasks: 0 })
  for (let n = 0; n < 3; n++) await addSession(tenant, { workflow_id: id })
  await addSession(tenant, { workflow_id: id, status: 'completed', ended_at: new Date() })
  for (let n = 0; n < 2; n++) await addPullRequest(tenant, { workflow_id: id })
  await addPullRequest(tenant, { workflow_id: id, status: 'merged', merged_at: new Date(), closed_at: new Date() })
  const rows = await tenant.delivery.dashboards.workflows()
  const of = (wanted: string) => rows.find(({ workflowId }) => workflowId === wanted)
  expect(rows).toHaveLength(3)
  expect(of(id)).toMatchObject({
    progressPercent: 25,
    sessions: 4,
    liveSessions: 3,
    pullRequests: 3,
    mergedPullRequests: 1,
    isOverdue: true,
  })
  // It has run for 60 minutes and the hour since.
  expect(of(id)?.durationMs).toBeGreaterThanOrEqual(2 * HOUR)
  expect((of(id)?.durationMs as number) - (of(id)?.varianceMs as number)).toBeCloseTo(50 * 60_000, 3)
  expect(of(bare)).toMatchObject({
    durationMs: null,
    varianceMs: null,
    isOverdue: false,
    progressPercent: 0,
    sessions: 0,
    pullRequests: 0,
  })
  expect(of(empty)).toMatchObject({ durationMs: 6 * 60_000, varianceMs: 0, isOverdue: false, progressPercent: 100 })
})

test('workflows of a type: rates of those that ended by themselves, durations of completed ones', async () => {
  const tenant = await newTenant()
  for (const minutes of [10, 20, 30])
    await addWorkflow(tenant, { status: 'completed', minutes, estimateMinutes: 20, done: 4 })
  await addWorkflow(tenant, { status: 'failed', minutes: 500, daysAgo: 1 })
  await addWorkflow(tenant, { status: 'timeout', minutes: 500, daysAgo: 8 })
  await addWorkflow(tenant, { status: 'completed', minutes: 20, daysAgo: 9, estimateMinutes: 0, done: 4 })
  await addWorkflow(tenant, { status: 'completed', minutes: 20, daysAgo: 20, done: 4 })
  await addWorkflow(tenant, { status: 'cancelled' })
  await addWorkflow(tenant, { status: 'pending', environment: 'production' })
  const [row, other, ...rest] = await tenant.delivery.dashboards.workflowPerformance()
  expect(rest).toEqual([])
  expect(row).toEqual({
    workflowType: 'ci_cd',
    environment: 'staging',
    workflows: 8,
    unfinished: 0,
    completed: 5,
    failed: 1,
    timedOut: 1,
    cancelled: 1,
    successRate: expect.closeTo(5 / 7, 9),
    meanDurationMs: 20 * 60_000,
    p50DurationMs: 20 * 60_000,
    p95DurationMs: 28 * 60_000,
    meanEstimateError: expect.closeTo(1 / 3, 9),
    successRate7d: 0.75,
    successRate7dBefore: 0.5,
    successRateChange: 0.25,
  })
  expect(other).toMatchObject({
    environment: 'production',
    unfinished: 1,
    successRate: null,
    meanDurationMs: null,
    successRateChange: null,
  })
})

test('tasks: how they end by type, and how deep they lie', async () => {
  const tenant = await newTenant()
  const task = (name: string, dependsOn: string[], type = 'build') => ({ name, dependsOn, type })
  const workflow = await tenant.delivery.workflows.create({
    name: 'w',
    tasks: [
      task('a', []),
      task('b', ['a']),
      task('c', ['a']),
      task('d', ['b', 'c', 'a']),
      task('e', []),
      task('f', ['d', 'e'], 'deploy'),
    ],
  })
  const rows = await tenant.delivery.dashboards.taskDependencies(workflow.id)
  expect(rows.map(({ name, depth, dependencies, dependents }) => [name, depth, dependencies, dependents])).toEqual([
    ['a', 0, 0, 3],
    ['e', 0, 0, 1],
    ['b', 1, 1, 1],
    ['c', 1, 1, 1],
    ['d', 2, 3, 1],
    ['f', 3, 2, 0],
  ])
  expect(rows.filter(({ isBlocked }) => isBlocked).map(({ name }) => name)).toEqual(['b', 'c', 'd', 'f'])
  const start = new Date(Date.now() - HOUR)
  const end = (seconds: number) => new Date(start.getTime() + seconds * 1000)
  for (const [n, [status, attempt, seconds]] of (
    [
      ['completed', 1, 10],
      ['completed', 3, 20],
      ['failed', 4, 900],
    ] as const
  ).entries()) {
    await sql(
      fleet,
      `update delivery.workflow_tasks set status = $3, attempt = $4, started_at = $5, ended_at = $6
      where tenant_id = $1 and task_number = (select min(task_number) from delivery.workflow_tasks where tenant_id = $1) + $2`,
      [tenant.id, n, status, attempt, start, end(seconds)],
    )
  }
  const [build, deploy] = await tenant.delivery.dashboards.tasks()
  expect(build).toMatchObject({
    taskType: 'build',
    tasks: 5,
    unfinished: 2,
    completed: 2,
    failed: 1,
    retried: 2,
    meanDurationMs: 15_000,
    p50DurationMs: 15_000,
  })
  expect(build?.successRate).toBeCloseTo(2 / 3, 9)
  expect(build?.meanAttempts).toBeCloseTo(8 / 3, 9)
  expect(deploy).toMatchObject({
    taskType: 'deploy',
    tasks: 1,
    successRate: null,
    meanAttempts: null,
    meanDurationMs: null,
    p95DurationMs: null,
  })
  expect(await failure(tenant.delivery.dashboards.taskDependencies('x'), 'INPUT_INVALID')).toMatchObject({
    field: 'workflowId',
  })
})

test('agents and their interactions are summed up over sessions, not over their buckets', async () => {
  const tenant = await newTenant()
  const durations = [100, 200, 300, 400, 1000]
  for (const n of [0, 1]) {
    const session = await tenant.delivery.agentSessions.create({ agentName: 'rev', agentType: 'reviewer' })
    for (const [i, durationMs] of durations.entries()) {
      await tenant.delivery.agentSessions.record({
        sessionId: session.id,
        type: 'code_review',
        status: i === 4 ? 'failed' : 'completed',
        tokens: 10,
        costUsd: 0.25,
        durationMs: durationMs + n,
      })
    }
  }
  await addSession(tenant, { agent_name: 'idle' })
  const [row, idle] = await tenant.delivery.dashboards.agents()
  expect(row).toMatchObject({
    agentName: 'rev',
    sessions: 2,
    liveSessions: 2,
    requests: 10,
    successes: 8,
    successRate: 0.8,
    tokens: 100,
    costUsd: 2.5,
    costPerRequestUsd: 0.25,
  })
  expect(row?.meanResponseMs).toBeCloseTo(400.5, 6)
  expect(Math.abs((row?.p50ResponseMs as number) / 300 - 1)).toBeLessThanOrEqual(0.011)
  expect(Math.abs((row?.p95ResponseMs as number) / 1001 - 1)).toBeLessThanOrEqual(0.011)
  expect(idle).toMatchObject({
    agentName: 'idle',
    sessions: 1,
    requests: 0,
    successRate: null,
    costPerRequestUsd: null,
    meanResponseMs: null,
    p50ResponseMs: null,
  })
  expect(await tenant.delivery.dashboards.interactions()).toEqual([
    {
      agentType: 'reviewer',
      interactionType: 'code_review',
      interactions: 10,
      completed: 8,
      notCompleted: 2,
      successRate: 0.8,
      meanTokens: 10,
      costUsd: 2.5,
      meanDurationMs: expect.closeTo(400.5, 6),
      p50DurationMs: expect.closeTo(300.5, 6),
      p95DurationMs: expect.closeTo(1000.55, 2),
      busiestHour: expect.any(Number),
      sessions: 2,
    },
  ])
})

test('pull requests: quality, readiness and time to merge of a repository', async () => {
  const tenant = await newTenant()
  const opened = new Date(Date.now() - 10 * HOUR)
  const good = {
    merge_status: 'mergeable',
    review_status: 'approved',
    ci_status: 'success',
    security_status: 'passed',
    opened_at: opened,
  }
  const workflow = await addWorkflow(tenant, { status: 'running', minutes: 1, done: 2 })
  await addPullRequest(tenant, {
    ...good,
    coverage: 90,
    quality: 90,
    files_changed: 5,
    lines_added: 300,
    lines_deleted: 200,
    workflow_id: workflow,
  })
  await addPullRequest(tenant, { ...good, coverage: 79.99, files_changed: 50, lines_added: 5000 })
  await addPullRequest(tenant, { ...good, ci_status: 'failure', quality: 10 })
  const ended = (hours: number) => new Date(opened.getTime() + hours * HOUR)
  for (const hours of [1, 2, 6])
    await addPullRequest(tenant, {
      opened_at: opened,
      status: 'merged',
      merged_at: ended(hours),
      closed_at: ended(hours),
    })
  await addPullRequest(tenant, { opened_at: opened, status: 'closed', closed_at: ended(1) })
  await addPullRequest(tenant, { repository: 'c/d', status: 'draft' })
  const [row, other] = await tenant.delivery.dashboards.pullRequestQuality()
  expect(row).toEqual({
    repository: 'a/b',
    pullRequests: 7,
    draft: 0,
    open: 3,
    merged: 3,
    closed: 1,
    mergeRate: 0.75,
    readyToMerge: 2,
    withQualityIssues: 2,
    meanCoverage: expect.closeTo(84.995, 9),
    meanQuality: 50,
    ciSuccessRate: expect.closeTo(2 / 3, 9),
    meanComplexity: expect.closeTo((0.5 + 1) / 7, 9),
    meanHoursToMerge: expect.closeTo(3, 6),
    p50HoursToMerge: expect.closeTo(2, 6),
  })
  expect(other).toMatchObject({
    mergeRate: null,
    meanCoverage: null,
    ciSuccessRate: null,
    meanHoursToMerge: null,
    p50HoursToMerge: null,
    meanComplexity: 0,
  })
  const integrated = await tenant.delivery.dashboards.pullRequestWorkflows()
  expect(integrated).toMatchObject([
    {
      repository: 'a/b',
      workflowId: workflow,
      workflowStatus: 'running',
      workflowProgressPercent: 50,
      sessionId: null,
      agentName: null,
    },
  ])
  expect(integrated[0]?.hoursOpen).toBeGreaterThanOrEqual(10)
})

describe('metrics', () => {
  test('health and trends are of rollups, all series of a name together', async () => {
    const tenant = await newTenant()
    const now = Math.floor(Date.now() / HOUR) * HOUR
    const points = [0, 1, 2].flatMap((hoursAgo) =>
      Array.from({ length: 10 }, (_, i) => ({
        name: 'cpu',
        category: 'infrastructure' as const,
        measuredAt: new Date(now - hoursAgo * HOUR - i * 1000 - 1),
        numericValue: 10 * (hoursAgo + 1) + i,
        dimensions: { host: i % 2 },
      })),
    )
    await tenant.delivery.metrics.record([
      ...points,
      { name: 'cpu', category: 'infrastructure', measuredAt: new Date(now - 3 * DAY), numericValue: 999 },
    ])
    await settled(fleet, tenant.id, 'metrics')
    await tenant.delivery.metrics.rollUp()
    const [row, ...rest] = await tenant.delivery.dashboards.systemHealth()
    expect(rest).toEqual([])
    expect(row).toMatchObject({
      category: 'infrastructure',
      name: 'cpu',
      series: 2,
      points: 30,
      mean: 24.5,
      min: 10,
      max: 39,
      last: 10,
      lastAt: new Date(now - 1),
    })
    expect(Math.abs((row?.p50 as number) / 24 - 1)).toBeLessThanOrEqual(0.01 + 1e-9)
    const trends = await tenant.delivery.dashboards.performanceTrends()
    expect(
      trends.map(({ bucket, points, mean, change }) => [(now - bucket.getTime()) / HOUR, points, mean, change]),
    ).toEqual([
      [1, 10, 14.5, -10],
      [2, 10, 24.5, -10],
      [3, 10, 34.5, 34.5 - 999],
      [72, 1, 999, null],
    ])
  })
})

describe('the audit log', () => {
  test('is summed up by day, and its security events are weighed', async () => {
    const tenant = await newTenant()
    const { audit } = tenant.as({ actor: { type: 'user', id: 'ada' } }).delivery
    const entry = { entityType: 'system', entityId: 's' } as const
    await audit.record([
      { ...entry, action: 'login' },
      { ...entry, action: 'login', result: 'failure' },
      { ...entry, action: 'delete' },
      { ...entry, action: 'execute', result: 'failure', securityLevel: 'high' },
      { ...entry, action: 'read', securityLevel: 'critical' },
      { ...entry, action: 'read' },
      { ...entry, action: 'update', result: 'partial', securityLevel: 'low' },
    ])
    await tenant.delivery.audit.record({ ...entry, entityId: 'other', action: 'read' })
    const events = await tenant.delivery.dashboards.securityEvents()
    expect(events.map(({ action, riskScore }) => `${action} ${riskScore}`).toSorted()).toEqual([
      'delete 4',
      'execute 7',
      'login 1',
      'login 5',
      'read 10',
    ])
    expect(events[0]).toMatchObject({ actorId: 'ada', changes: {} })
    const rows = await tenant.delivery.dashboards.auditActivity()
    const days = rows.map(({ day }) => day.getTime())
    expect(days.every((day) => day % DAY === 0 && Date.now() - day < 2 * DAY)).toBe(true)
    expect(rows.reduce((sum, { entries }) => sum + entries, 0)).toBe(8)
    const logins = rows.filter(({ action }) => action === 'login')
    expect(logins.reduce((sum, { notSucceeded }) => sum + notSucceeded, 0)).toBe(1)
    expect(rows.filter(({ action, actorType }) => action === 'read' && actorType === null)).toMatchObject([
      { entries: 1, actors: 0, entities: 1 },
    ])
  })
})

test('the database is checked, whoever asks, and tells of this tenant alone', async () => {
  const [tenant, other] = [await newTenant(), await newTenant()]
  await other.delivery.metrics.record([
    { name: 'a', numericValue: 1 },
    { name: 'a', numericValue: 1 },
  ])
  const checks = await tenant.delivery.dashboards.databaseHealth()
  const of = (name: string) => checks.find(({ checkName }) => checkName === name)
  expect(checks.map(({ checkName }) => checkName)).toEqual([
    'connections',
    'statements_over_30s',
    'oldest_transaction',
    'reads_from_memory',
    'database_size',
    'workflows_24h',
    'agent_sessions_24h',
    'pull_requests_24h',
    'metrics_24h',
    'audit_entries_24h',
  ])
  expect(of('metrics_24h')).toMatchObject({ status: 'ok', value: 0 })
  // The application's role may not see what others run, and says so.
  expect(of('statements_over_30s')).toMatchObject({ status: 'unknown', value: null })
  expect(of('database_size')?.value).toBeGreaterThan(1_000_000)
  const [seen] = await sql<{ status: string }>(
    fleet,
    `select status from delivery.database_health_check() where check_name = 'statements_over_30s'`,
  )
  expect(seen?.status).not.toBe('unknown')
})

test('of another tenant every dashboard is empty', async () => {
  const [one, other] = [await newTenant(), await newTenant()]
  const workflow = await addWorkflow(one, { status: 'completed', minutes: 1, done: 4 })
  await addSession(one, { workflow_id: workflow })
  await addPullRequest(one, { workflow_id: workflow })
  await one.delivery.audit.record({ entityType: 'x', entityId: 'y', action: 'login' })
  const { taskDependencies, databaseHealth, ...dashboards } = other.delivery.dashboards
  for (const [name, read] of Object.entries(dashboards)) expect(await read(), name).toEqual([])
  expect(await taskDependencies(workflow)).toEqual([])
  expect(await databaseHealth()).toHaveLength(10)
})

test.each([0, 1001, 1.5])('a limit of %d is refused', async (limit) => {
  const { dashboards } = (await newTenant()).delivery
  expect(await failure(dashboards.agents({ limit }), 'INPUT_INVALID')).toMatchObject({ field: 'options.limit' })
})
