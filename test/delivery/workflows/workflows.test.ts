import type { NewWorkflow, WorkflowStatus } from 'pgfleet/delivery'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet, sql } from '../../setup/index.js'
import { auditOf, graph, newTenant } from './support.js'

const fleet = await openTestFleet()

/** The statuses that a workflow may go to, written down a second time. */
const NEXT: Record<WorkflowStatus, readonly WorkflowStatus[]> = {
  pending: ['running', 'cancelled'],
  running: ['paused', 'completed', 'failed', 'cancelled', 'timeout'],
  paused: ['running', 'cancelled', 'timeout'],
  completed: [],
  failed: [],
  cancelled: [],
  timeout: [],
}
const STATUSES = Object.keys(NEXT) as WorkflowStatus[]
const VERBS = { start: 'running', pause: 'paused', resume: 'running', cancel: 'cancelled' } as const

/** A workflow in a status, reached by calls alone. */
async function workflowIn(status: WorkflowStatus, tenant: Awaited<ReturnType<typeof newTenant>>): Promise<string> {
  const { workflows, jobs } = tenant.delivery
  const { id } = await workflows.create({ name: status, tasks: graph({ a: [], b: [] }), start: status !== 'pending' })
  const claim = () => jobs.claim('w', { types: ['job'], limit: 2 })
  if (status === 'paused') await workflows.pause(id)
  if (status === 'cancelled') await workflows.cancel(id)
  if (status === 'completed') await jobs.complete(await claim())
  if (status === 'failed')
    await jobs.fail((await claim()).slice(0, 1).map((job) => ({ ...job, error: 'x', retry: false })))
  if (status === 'timeout') {
    await sql(
      fleet,
      `update delivery.workflows set deadline_at = now() - interval '1 second' where tenant_id = $1 and workflow_id = $2`,
      [tenant.id, id],
    )
    expect(await claim()).toEqual([])
  }
  expect((await workflows.get(id))?.status).toBe(status)
  return id
}

describe('a workflow', () => {
  test('is created with its tasks, found again, and the same when it is repeated', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const id = uuidv7()
    const definition: NewWorkflow = {
      id,
      name: 'Deploy the API',
      description: 'to production',
      type: 'deployment',
      environment: 'production',
      priority: 7,
      triggeredBy: 'ada',
      estimateMs: 60_000,
      timeoutMs: 120_000,
      tags: ['api', 'eu'],
      metadata: { repo: 'api' },
      configuration: { replicas: 3 },
      tasks: [
        { name: 'build', payload: { target: 'x' }, timeoutMs: 1000 },
        { name: 'lint', optional: true },
        { name: 'deploy', dependsOn: ['build', 'lint'], maxRetries: 0 },
      ],
    }
    expect(await workflows.create(definition)).toMatchObject({ id, status: 'pending', version: 1, startedAt: null })
    expect(await workflows.create(definition)).toMatchObject({ id, status: 'pending', version: 1 })
    const { tasks, start, ...rest } = definition
    const found = await workflows.get(id)
    expect(found).toMatchObject({ ...rest, counts: { total: 3, open: 3 } })
    expect(found?.tasks).toMatchObject([
      {
        number: 1,
        name: 'build',
        type: 'build',
        payload: { target: 'x' },
        optional: false,
        critical: true,
        timeoutMs: 1000,
      },
      { number: 2, name: 'lint', optional: true, critical: false },
      { number: 3, name: 'deploy', dependsOn: ['build', 'lint'], maxRetries: 0, status: 'pending' },
    ])
    const error = await failure(
      workflows.create([
        { name: 'x', tasks: [] },
        { ...definition, name: 'y' },
      ]),
      'ID_CONFLICT',
    )
    expect(error.field).toBe('workflows[1].id')
    expect(await workflows.list()).toHaveLength(1)
    expect(await workflows.get([uuidv7(), id])).toEqual([undefined, found])
  })

  test('is listed by the filters, in pages, newest first', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const made = await workflows.create(
      Array.from({ length: 12 }, (_, n) => ({
        id: uuidv7({ msecs: Date.now() - 1000 + n }),
        name: `w${n}`,
        type: n % 2 ? ('testing' as const) : ('hotfix' as const),
        environment: n % 3 ? 'staging' : 'production',
        priority: n % 4,
        start: n < 6,
        tasks: graph({ a: [] }),
      })),
    )
    const child = await workflows.create({
      name: 'child',
      parentId: made[0]?.id as string,
      triggeredBy: 'ada',
      tasks: [],
    })
    const names = async (options: Parameters<typeof workflows.list>[0]) =>
      (await workflows.list(options)).map(({ name }) => name)
    expect(await names({ status: 'running', type: 'testing' })).toEqual(['w5', 'w3', 'w1'])
    expect(await names({ type: 'hotfix', environment: 'production' })).toEqual(['w6', 'w0'])
    expect(await names({ environment: 'production', status: 'pending' })).toEqual(['w9', 'w6'])
    expect(await names({ priority: 3 })).toEqual(['w11', 'w7', 'w3'])
    expect(await names({ parentId: made[0]?.id as string })).toEqual(['child'])
    expect(await names({ triggeredBy: 'ada' })).toEqual(['child'])
    const pages: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await workflows.list({ limit: 5, ...(after && { after }) })
      pages.push(...page.map(({ name }) => name))
      after = page.at(-1)?.id
      if (page.length < 5) break
    }
    expect(pages).toEqual(['child', ...Array.from({ length: 12 }, (_, n) => `w${11 - n}`)])
    expect(child.status).toBe('pending')
  })

  test('is found by words, tags and metadata, together and alone, by its own tenant', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const other = (await newTenant(fleet)).delivery
    await other.workflows.create({ name: 'Deploying payments', tags: ['pay'], metadata: { team: 'x' }, tasks: [] })
    await workflows.create([
      { name: 'Deploying payments', tags: ['pay', 'eu'], metadata: { team: 'x', area: { n: 1 } }, tasks: [] },
      { name: 'Testing payments', description: 'before they are deployed', tags: ['pay'], tasks: [] },
      { name: 'no description', tasks: [] },
    ])
    const names = async (search: Parameters<typeof workflows.search>[0]) =>
      (await workflows.search(search)).map(({ name }) => name).toSorted()
    expect(await names({ query: 'deploy payment' })).toEqual(['Deploying payments', 'Testing payments'])
    expect(await names({ query: 'payments -testing' })).toEqual(['Deploying payments'])
    expect(await names({ tags: ['pay'] })).toEqual(['Deploying payments', 'Testing payments'])
    expect(await names({ tags: ['pay', 'eu'] })).toEqual(['Deploying payments'])
    expect(await names({ metadata: { area: { n: 1 } } })).toEqual(['Deploying payments'])
    expect(await names({ query: 'payments', tags: ['pay'], metadata: { team: 'x' } })).toEqual(['Deploying payments'])
    expect(await names({ query: 'nothing' })).toEqual([])
  })

  test('that has ended is repeated as a child', async () => {
    const tenant = await newTenant(fleet)
    const { workflows } = tenant.delivery
    const id = await workflowIn('failed', tenant)
    const child = uuidv7()
    expect(await workflows.retry(id, { id: child })).toMatchObject({ id: child, status: 'running' })
    expect(await workflows.retry(id, { id: child })).toMatchObject({ id: child, status: 'running', version: 2 })
    const [former, latter] = await workflows.get([id, child])
    expect(latter).toMatchObject({ parentId: id, name: 'failed', counts: { total: 2, open: 2 } })
    expect(latter?.tasks.map(({ name, type, maxRetries }) => [name, type, maxRetries])).toEqual(
      former?.tasks.map(({ name, type, maxRetries }) => [name, type, maxRetries]),
    )
    expect(former?.status).toBe('failed')
  })
})

describe('a graph of tasks', () => {
  test.each([
    ['a > b > a', 'workflows[0].tasks', graph({ a: ['b'], b: ['a'] })],
    ['b > c > d > b', 'workflows[0].tasks', graph({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] })],
    ['a > a', 'workflows[0].tasks', graph({ a: ['a'] })],
    ['no task "x"', 'workflows[0].tasks[1].dependsOn[1]', graph({ a: [], b: ['a', 'x'] })],
    ['two tasks "a"', 'workflows[0].tasks[1].name', [{ name: 'a' }, { name: 'a' }]],
    ['cannot be critical', 'workflows[0].tasks[0].critical', [{ name: 'a', optional: true, critical: true }]],
  ])('with %s is refused', async (message, field, tasks) => {
    const { workflows } = (await newTenant(fleet)).delivery
    const error = await failure(workflows.create({ name: 'w', tasks }), 'INPUT_INVALID')
    expect(error.field).toBe(field)
    expect(error.message).toContain(message)
    expect(await workflows.list()).toEqual([])
  })

  test('may be a chain of a thousand', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const tasks = Array.from({ length: 1000 }, (_, n) => ({ name: `t${n}`, dependsOn: n < 999 ? [`t${n + 1}`] : [] }))
    const { id } = await workflows.create({ name: 'chain', tasks })
    expect((await workflows.get(id))?.counts.open).toBe(1000)
  })
})

describe('a status', () => {
  test.each(
    STATUSES.flatMap((from) => (Object.keys(VERBS) as (keyof typeof VERBS)[]).map((verb) => [from, verb] as const)),
  )('%s: %s', async (from, verb) => {
    const tenant = await newTenant(fleet)
    const { workflows } = tenant.delivery
    const id = await workflowIn(from, tenant)
    const before = await workflows.get(id)
    const history = await workflows.history(id)
    const to = VERBS[verb]
    const isWrongVerb = (verb === 'start' && from === 'paused') || (verb === 'resume' && from === 'pending')
    if (from === to) {
      expect(await workflows[verb](id)).toMatchObject({ status: to, version: before?.version })
      expect(await workflows.history(id)).toEqual(history)
    } else if (NEXT[from].includes(to) && !isWrongVerb) {
      expect(await workflows[verb](id, { reason: 'why' })).toMatchObject({
        status: to,
        version: (before?.version ?? 0) + 1,
      })
      expect((await workflows.history(id)).at(-1)).toMatchObject({
        from,
        to,
        reason: 'why',
        version: (before?.version ?? 0) + 1,
      })
    } else {
      const error = await failure(workflows[verb](id), 'WORKFLOW_TRANSITION_ILLEGAL')
      expect(error.message).toContain(`is ${from};`)
      for (const next of NEXT[from]) expect(error.message).toContain(next)
      expect(error.field).toBe('workflows[0].status')
      expect(await workflows.get(id)).toEqual(before)
      expect(await workflows.history(id)).toEqual(history)
    }
  })

  test('no workflow goes where the table does not lead, in the database either', async () => {
    for (const from of STATUSES) {
      expect(await sql(fleet, 'select delivery.next_workflow_statuses($1) as next', [from])).toEqual([
        { next: NEXT[from] },
      ])
    }
  })

  test('of a stale version is refused, and nothing of its call is written', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const [one, two] = await workflows.create([
      { name: 'one', tasks: graph({ a: [] }) },
      { name: 'two', tasks: graph({ a: [] }), start: true },
    ])
    const ids = [one?.id as string, two?.id as string]
    const error = await failure(workflows.cancel(ids, { expectedVersion: 1 }), 'VERSION_CONFLICT')
    expect(error.field).toBe('workflows[1].expectedVersion')
    expect((await workflows.get(ids)).map((each) => each?.status)).toEqual(['pending', 'running'])
  })

  test('changed by many at once is changed once, and its history has no gap', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const { id } = await workflows.create({ name: 'w', start: true, tasks: graph({ a: [] }) })
    await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) =>
        n % 2 ? workflows.pause(id, { reason: `${n}` }) : workflows.resume(id, { reason: `${n}` }),
      ),
    )
    const history = await workflows.history(id)
    expect(history.map(({ version }) => version)).toEqual(history.map((_, n) => n + 2))
    for (const [n, { from, to }] of history.entries()) {
      expect(NEXT[from]).toContain(to)
      if (n > 0) expect(from).toBe(history[n - 1]?.to)
    }
    expect((await workflows.get(id))?.version).toBe(history.at(-1)?.version)
  })
})

describe('the audit log', () => {
  test('has one row a change, with who did it, and none for a repetition', async () => {
    const tenant = await newTenant(fleet)
    const as = (id: string) => tenant.as({ actor: { type: 'agent', id }, correlationId: `c-${id}` }).delivery
    const id = uuidv7()
    const definition = { id, name: 'w', configuration: { api_key: 'x', n: 1 }, tasks: graph({ a: [] }) }
    await Promise.all([
      as('ada').workflows.create(definition),
      as('bob').workflows.create({ name: 'other', tasks: [] }),
    ])
    await as('ada').workflows.create(definition)
    await as('bob').workflows.start(id)
    await as('bob').workflows.start(id)
    const [job] = await as('eve').jobs.claim('w', { types: ['job'] })
    await as('eve').jobs.complete(job as never)
    await as('eve').jobs.complete(job as never)
    const rows = (await auditOf(fleet, tenant)).filter(({ entity_id }) => String(entity_id).startsWith(id))
    expect(
      rows.map(({ action, actor_id, correlation_id, entity_type }) => [entity_type, action, actor_id, correlation_id]),
    ).toEqual([
      ['workflow', 'create', 'ada', 'c-ada'],
      ['workflow', 'start', 'bob', 'c-bob'],
      ['task', 'start', 'eve', 'c-eve'],
      ['task', 'stop', 'eve', 'c-eve'],
      ['workflow', 'stop', 'eve', 'c-eve'],
    ])
    expect(rows[0]?.changes).toMatchObject({ configuration: { api_key: '[redacted]', n: 1 } })
    expect(rows[4]?.changes).toEqual({ status: ['running', 'completed'] })
  })
})
