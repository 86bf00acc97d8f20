import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { Job } from 'pgfleet/delivery'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet, sql } from '../../setup/index.js'
import { auditOf, expireLeases, graph, newTenant, skipDelays } from './support.js'

const fleet = await openTestFleet()
const types = ['job']

describe('a claim', () => {
  test('takes jobs by priority, then by age, and only of the types asked for', async () => {
    const { workflows, jobs } = (await newTenant(fleet)).delivery
    for (const [name, priority] of Object.entries({ a: 1, b: 9, c: 1, d: 5 })) {
      await workflows.create({
        name,
        priority,
        start: true,
        tasks: [
          { name, type: 'job' },
          { name: 'x', type: 'other' },
        ],
      })
    }
    const names: string[] = []
    for (let i = 0; i < 5; i++) names.push(...(await jobs.claim('w', { types })).map(({ name }) => name))
    expect(names).toEqual(['b', 'd', 'a', 'c'])
    expect(await jobs.claim('w', { types: ['job', 'other'], limit: 100 })).toHaveLength(4)
  })

  test('of many workers at once gives each job to one of them', async () => {
    const { workflows, jobs } = (await newTenant(fleet)).delivery
    const edges = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`t${n}`, []]))
    await workflows.create({ name: 'w', start: true, tasks: graph(edges) })
    const claims = await Promise.all(
      Array.from({ length: 24 }, (_, n) => jobs.claim(`w${n}`, { types, limit: 1 + (n % 4) })),
    )
    const all = claims.flat()
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
    expect(all).toHaveLength(60)
    for (const [n, got] of claims.entries()) expect(got.length).toBeLessThanOrEqual(1 + (n % 4))
    expect(await jobs.claim('late', { types })).toEqual([])
  })

  test('is in the audit under the name of who made it, whatever else is claimed in its statement', async () => {
    const tenant = await newTenant(fleet)
    const tasks = Array.from({ length: 40 }, (_, n) => ({ name: `t${n}`, type: n % 4 === 0 ? 'other' : 'job' }))
    await tenant.delivery.workflows.create([{ name: 'w', start: true, tasks }])
    const claims = await Promise.all(
      Array.from({ length: 18 }, async (_, n) => {
        const [worker, id, type] = [`w${n % 3}`, `a${n % 2}`, n % 4 === 0 ? 'other' : 'job']
        const { jobs } = tenant.as({ actor: { type: 'user', id }, correlationId: `run-${n % 5}` }).delivery
        const got = await jobs.claim(worker, { types: [type], limit: 1 + (n % 3) })
        return got.map((job) => [`${job.workflowId}/${job.number}`, `${worker} ${id} run-${n % 5}`] as const)
      }),
    )
    const entries = (await auditOf(fleet, tenant)).filter(
      ({ action, entity_type }) => action === 'start' && entity_type === 'task',
    )
    const found = entries.map(({ entity_id, actor_id, correlation_id, changes }) => [
      entity_id,
      `${(changes as { worker: string }).worker} ${actor_id} ${correlation_id}`,
    ])
    expect(found.toSorted()).toEqual(claims.flat().toSorted())
  })

  test('brings what the task needs: payload, attempt, results of its dependencies', async () => {
    const { workflows, jobs } = (await newTenant(fleet)).delivery
    await workflows.create({
      name: 'w',
      start: true,
      tasks: [
        { name: 'a', type: 'job', payload: { x: 1 } },
        { name: 'b', type: 'job', optional: true, maxRetries: 0 },
        { name: 'c', type: 'job', dependsOn: ['a', 'b'] },
      ],
    })
    const [a, b] = await jobs.claim('w', { types, limit: 9 })
    expect(a).toMatchObject({ name: 'a', payload: { x: 1 }, attempt: 1, attemptsLeft: 3, needs: {}, timeoutAt: null })
    expect(await jobs.fail({ ...(b as Job), error: 'broken' })).toEqual({ status: 'failed', retryAt: null })
    expect(await jobs.claim('w', { types })).toEqual([])
    await jobs.complete({ ...(a as Job), result: { y: 2 } })
    expect(await jobs.claim('w', { types })).toMatchObject([{ name: 'c', needs: { a: { y: 2 } } }])
  })

  test('keeps its order and tells jobs apart, of whichever workflows, attempts and time-outs; so does the function of older processes', async () => {
    const tenant = await newTenant(fleet)
    const { workflows, jobs } = tenant.delivery
    const tasks = (workflow: number) => [
      { name: 'first', type: 'before' },
      ...Array.from({ length: 9 }, (_, n) => ({
        name: `t${n}`,
        type: n % 2 === 0 ? 'job' : 'odd job',
        payload: [workflow, n],
        ...(n % 3 === 0 && { timeoutMs: 600_000 + n }),
        ...(n % 4 === 0 && { dependsOn: ['first'] }),
      })),
    ]
    await workflows.create(Array.from({ length: 4 }, (_, n) => ({ name: 'w', start: true, tasks: tasks(n) })))
    const before = await jobs.claim('w', { types: ['before'], limit: 9 })
    await jobs.complete(before.map((job, result) => ({ ...job, result })))
    const all = ['job', 'odd job']
    const tried = await jobs.claim('w', { types: all, limit: 12 })
    await jobs.fail(tried.map((job) => ({ ...job, error: 'once more' })))
    await sql(
      fleet,
      `update delivery.jobs j set available_at = now() - abs(hashtextextended(t.payload::text, 0)) % 1000000 * interval '1 second'
      from delivery.workflow_tasks t
      where t.tenant_id = $1 and (j.tenant_id, j.workflow_id, j.task_number) = (t.tenant_id, t.workflow_id, t.task_number)`,
      [tenant.id],
    )
    const waiting = await sql<Record<string, unknown>>(
      fleet,
      `select t.workflow_id, t.task_number, t.name, t.task_type as type, t.payload, j.attempt + 1 as attempt, j.attempts_left - 1 as attempts_left,
        (select jsonb_object_agg(d.name, d.result) from delivery.workflow_tasks d
          where d.tenant_id = t.tenant_id and d.workflow_id = t.workflow_id and d.task_number = any (t.dependencies)) as needs,
        t.timeout_ms is not null as has_timeout
      from delivery.jobs j join delivery.workflow_tasks t using (tenant_id, workflow_id, task_number)
      where tenant_id = $1 order by min(j.available_at) over (partition by j.channel), j.available_at`,
      [tenant.id],
    )
    expect(waiting).toHaveLength(36)
    expect(new Set(waiting.slice(0, 20).map(({ attempt, has_timeout }) => `${attempt} ${has_timeout}`)).size).toBe(4)
    const got = await jobs.claim('w', { types: all, limit: 20, leaseMs: 86_400_000 })
    expect(
      got.map((job) => ({
        ...{ workflow_id: job.workflowId, task_number: job.number, name: job.name, type: job.type },
        ...{ payload: job.payload, attempt: job.attempt, attempts_left: job.attemptsLeft },
        needs: Object.keys(job.needs).length > 0 ? job.needs : null,
        has_timeout: job.timeoutAt !== null,
      })),
    ).toEqual(waiting.slice(0, 20))
    // A lease does not outlast the attempt.
    for (const { expiresAt, timeoutAt } of got) if (timeoutAt) expect(expiresAt).toEqual(timeoutAt)

    const request = { channels: all, limit: 20, lease: randomUUID(), lease_ms: 86_400_000, worker: 'w' }
    const [older] = await sql<{ jobs: { timeout_at: string | null; expires_at: string }[] }>(
      fleet,
      'select ordinal, jobs from delivery.claim_jobs($1, $2)',
      [tenant.id, JSON.stringify([request])],
    )
    expect(
      older?.jobs.map(({ expires_at, timeout_at, ...job }) => ({ ...job, has_timeout: timeout_at !== null })),
    ).toEqual(waiting.slice(20))
    expect(older?.jobs.filter(({ expires_at }) => Date.parse(expires_at) > Date.now())).toHaveLength(16)
  })
})

describe('a lease', () => {
  const one = async (rest: object = {}) => {
    const tenant = await newTenant(fleet)
    const { workflows, jobs } = tenant.delivery
    const { id } = await workflows.create({ name: 'w', start: true, tasks: [{ name: 'a', type: 'job', ...rest }] })
    const claim = async () => (await jobs.claim('w', { types }))[0] as Job
    return { tenant, workflows, jobs, id, claim, first: await claim() }
  }

  test('that has run out is claimed again, counted as an attempt, and lost to its first holder', async () => {
    const { tenant, jobs, claim, first, workflows, id } = await one()
    await expireLeases(fleet, tenant)
    const second = await claim()
    expect(second).toMatchObject({ attempt: 2, attemptsLeft: 2 })
    for (const call of [
      () => jobs.complete({ ...first, result: 1 }),
      () => jobs.fail({ ...first, error: 'x' }),
      () => jobs.release(first),
      () => jobs.heartbeat(first),
    ]) {
      expect((await failure(call(), 'LEASE_LOST')).field).toBe('jobs[0].lease')
    }
    expect((await workflows.get(id))?.tasks).toMatchObject([{ status: 'running', attempt: 2, result: null }])
    expect(await jobs.complete({ ...second, result: 2 })).toEqual({ status: 'completed', retryAt: null })
    expect(await workflows.get(id)).toMatchObject({ status: 'completed', tasks: [{ result: 2, attempt: 2 }] })
  })

  test('that has run out and was not claimed again is still good for the result', async () => {
    const { tenant, jobs, first } = await one()
    await expireLeases(fleet, tenant)
    expect(await jobs.complete(first)).toMatchObject({ status: 'completed' })
  })

  test('is kept by heartbeats', async () => {
    const { tenant, jobs, claim, first } = await one()
    await expireLeases(fleet, tenant)
    expect((await jobs.heartbeat(first, { leaseMs: 60_000 })).getTime()).toBeGreaterThan(Date.now() + 30_000)
    expect(await claim()).toBeUndefined()
  })

  test('cannot be kept beyond the time-out of the attempt', async () => {
    const { tenant, jobs, claim, first, workflows, id } = await one({ timeoutMs: 3_600_000, maxRetries: 1 })
    const until = await jobs.heartbeat(first, { leaseMs: 86_400_000 })
    expect(until).toEqual(first.timeoutAt)
    const pass = () =>
      sql(
        fleet,
        `update delivery.jobs set timeout_at = now() - interval '1 second', available_at = now() - interval '1 second' where tenant_id = $1`,
        [tenant.id],
      )
    await pass()
    await failure(jobs.heartbeat(first), 'LEASE_LOST')
    await failure(jobs.complete(first), 'LEASE_LOST')
    expect(await claim()).toMatchObject({ attempt: 2, attemptsLeft: 0 })
    await pass()
    expect(await claim()).toBeUndefined()
    expect(await workflows.get(id)).toMatchObject({
      status: 'failed',
      tasks: [{ status: 'failed', error: 'the task took longer than its time-out', attempt: 2 }],
    })
  })

  test('lost at the last attempt fails the task: no job is left for ever', async () => {
    const { tenant, claim, workflows, id } = await one({ maxRetries: 0 })
    await expireLeases(fleet, tenant)
    expect(await claim()).toBeUndefined()
    expect(await workflows.get(id)).toMatchObject({
      status: 'failed',
      tasks: [{ status: 'failed', error: 'the lease ran out' }],
    })
    expect((await auditOf(fleet, tenant)).slice(-2)).toMatchObject([
      { entity_type: 'task', action: 'stop', result: 'failure', actor_id: 'pgfleet' },
      { entity_type: 'workflow', action: 'stop', result: 'failure', actor_id: 'pgfleet' },
    ])
  })

  test('given back twice has one effect and one answer', async () => {
    for (const end of [
      (jobs: Awaited<ReturnType<typeof one>>['jobs'], job: Job) => jobs.complete({ ...job, result: [1] }),
      (jobs: Awaited<ReturnType<typeof one>>['jobs'], job: Job) => jobs.fail({ ...job, error: 'x' }),
      (jobs: Awaited<ReturnType<typeof one>>['jobs'], job: Job) => jobs.fail({ ...job, error: 'x', retry: false }),
      (jobs: Awaited<ReturnType<typeof one>>['jobs'], job: Job) => jobs.release(job),
    ]) {
      const { tenant, jobs, first, workflows, id } = await one()
      const answers = await Promise.all(Array.from({ length: 5 }, () => end(jobs, first)))
      const seen = await workflows.get(id)
      const audit = await auditOf(fleet, tenant)
      expect(await end(jobs, first)).toEqual(answers[0])
      expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1)
      expect(await workflows.get(id)).toEqual(seen)
      expect(await auditOf(fleet, tenant)).toEqual(audit)
      await failure(jobs.complete({ ...first, result: 'other' }), 'LEASE_LOST')
    }
  })

  test('ends with its workflow', async () => {
    const { jobs, first, workflows, id } = await one()
    await workflows.cancel(id)
    await failure(jobs.heartbeat(first), 'LEASE_LOST')
    await failure(jobs.complete(first), 'LEASE_LOST')
    expect(await workflows.get(id)).toMatchObject({ status: 'cancelled', counts: { open: 0, cancelled: 1 } })
  })
})

describe('a failed attempt', () => {
  test('is tried again after a delay that doubles, less up to a half of it', async () => {
    const tenant = await newTenant(fleet)
    const { workflows, jobs } = tenant.delivery
    await workflows.create({
      name: 'w',
      start: true,
      tasks: graph({ a: [] }, { retryDelayMs: 100_000, maxRetries: 6 }),
    })
    for (let retry = 0; retry < 6; retry++) {
      await skipDelays(fleet, tenant)
      const [job] = await jobs.claim('w', { types })
      expect(job?.attempt).toBe(retry + 1)
      const before = Date.now()
      const { status, retryAt } = await jobs.fail({ ...(job as Job), error: 'x' })
      expect(status).toBe('pending')
      const full = Math.min(3_600_000, 100_000 * 2 ** retry)
      // The server's clock is this machine's; a second for both to pass the call.
      const delay = (retryAt?.getTime() ?? 0) - before
      expect(delay).toBeGreaterThan(full / 2 - 1000)
      expect(delay).toBeLessThan(full + 60_000)
      expect(await jobs.claim('w', { types })).toEqual([])
    }
    await skipDelays(fleet, tenant)
    const [last] = await jobs.claim('w', { types })
    expect(await jobs.fail({ ...(last as Job), error: 'the last' })).toEqual({ status: 'failed', retryAt: null })
    expect((await workflows.list())[0]).toMatchObject({ status: 'failed' })
  })

  test('given back untouched is not counted', async () => {
    const { workflows, jobs } = (await newTenant(fleet)).delivery
    await workflows.create({ name: 'w', start: true, tasks: graph({ a: [] }, { maxRetries: 0 }) })
    for (let i = 0; i < 3; i++) {
      const [job] = await jobs.claim('w', { types })
      expect(job).toMatchObject({ attempt: 1, attemptsLeft: 0 })
      expect((await jobs.release(job as Job)).status).toBe('pending')
    }
  })
})

describe('a pause', () => {
  test('holds jobs, lets those in hand end, and a resumed workflow goes on where it stood', async () => {
    const tenant = await newTenant(fleet)
    const { workflows, jobs } = tenant.delivery
    const { id } = await workflows.create({ name: 'w', start: true, tasks: graph({ a: [], b: [], c: ['a'] }) })
    const [job] = await jobs.claim('w', { types })
    await workflows.pause(id)
    expect(await jobs.claim('w', { types, limit: 9 })).toEqual([])
    await jobs.complete(job as Job)
    expect(await jobs.claim('w', { types, limit: 9 })).toEqual([])
    await workflows.resume(id)
    expect((await jobs.claim('w', { types, limit: 9 })).map(({ name }) => name).toSorted()).toEqual(['b', 'c'])
  })

  test('keeps a workflow from ending; it ends when it is resumed', async () => {
    for (const [outcome, status] of [
      ['completed', 'completed'],
      ['failed', 'failed'],
    ] as const) {
      const { workflows, jobs } = (await newTenant(fleet)).delivery
      const { id } = await workflows.create({ name: 'w', start: true, tasks: graph({ a: [] }) })
      const [job] = (await jobs.claim('w', { types })) as [Job]
      await workflows.pause(id)
      if (outcome === 'completed') await jobs.complete(job)
      else await jobs.fail({ ...job, error: 'x', retry: false })
      expect((await workflows.get(id))?.status).toBe('paused')
      expect((await workflows.resume(id)).status).toBe(status)
      expect((await workflows.history(id)).map(({ to }) => to)).toEqual(['running', 'paused', 'running', status])
    }
  })
})

test('what the origin stranded runs to its end: 1, 2 beside it, 3 after both, 2 completed first', async () => {
  const { workflows, jobs } = (await newTenant(fleet)).delivery
  const { id } = await workflows.create({
    name: 'w',
    start: true,
    tasks: graph({ one: [], two: [], three: ['one', 'two'] }),
  })
  const [one, two] = (await jobs.claim('w', { types, limit: 2 })) as [Job, Job]
  await jobs.complete(two)
  await jobs.complete(one)
  const [three] = (await jobs.claim('w', { types })) as [Job]
  expect(three.name).toBe('three')
  await jobs.complete(three)
  expect(await workflows.get(id)).toMatchObject({ status: 'completed', counts: { completed: 3, open: 0 } })
})

test('a deadline times a workflow out, paused or running, and takes its jobs with it', async () => {
  const tenant = await newTenant(fleet)
  const { workflows, jobs } = tenant.delivery
  const past = new Date(Date.now() - 1000)
  const made = await workflows.create([
    { name: 'running', start: true, deadline: past, tasks: graph({ a: [] }) },
    { name: 'in time', start: true, timeoutMs: 3_600_000, tasks: graph({ a: [] }) },
  ])
  const got = await jobs.claim('w', { types, limit: 9 })
  expect(got).toHaveLength(1)
  const [first, second] = await workflows.get(made.map(({ id }) => id))
  expect(first).toMatchObject({ status: 'timeout', counts: { cancelled: 1, open: 0 } })
  expect((second?.deadlineAt?.getTime() ?? 0) - (second?.startedAt?.getTime() ?? 0)).toBe(3_600_000)
})

test('random graphs run to their end, whatever fails: nothing is stranded, nothing runs twice within a lease', async () => {
  const kinds = fc.constantFrom<'critical' | 'required' | 'optional'>('critical', 'required', 'optional')
  const node = fc.record({ kind: kinds, fails: fc.nat(3), back: fc.array(fc.nat(30), { maxLength: 3 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(node, { minLength: 1, maxLength: 12 }), fc.boolean(), async (nodes, dies) => {
      const tenant = await newTenant(fleet)
      const { workflows, jobs } = tenant.delivery
      const tasks = nodes.map(({ kind, back }, n) => ({
        name: `t${n}`,
        type: 'job',
        dependsOn: n === 0 ? [] : [...new Set(back.map((one) => `t${one % n}`))],
        optional: kind === 'optional',
        critical: kind === 'critical',
        maxRetries: 1,
        retryDelayMs: 0,
      }))
      const { id } = await workflows.create({ name: 'random', start: true, tasks })
      const held = new Set<string>()
      const attempts = new Map<string, number>()
      const work = async (worker: number) => {
        for (let idle = 0; idle < 3; ) {
          const got = await jobs.claim(`w${worker}`, { types, limit: 2 })
          idle = got.length === 0 ? idle + 1 : 0
          for (const job of got) {
            expect(held.has(job.name), 'is held by nobody else').toBe(false)
            held.add(job.name)
            attempts.set(job.name, (attempts.get(job.name) ?? 0) + 1)
            expect(job.attempt).toBe(attempts.get(job.name))
            const mustFail = (nodes[job.number - 1]?.fails ?? 0) >= job.attempt
            held.delete(job.name)
            await (mustFail ? jobs.fail({ ...job, error: 'x' }) : jobs.complete({ ...job, result: job.attempt })).catch(
              (error) => expect(error.code).toBe('LEASE_LOST'),
            )
          }
        }
      }
      if (dies) {
        // A worker that claims, and is never heard of again.
        for (const job of await jobs.claim('dead', { types, limit: 1 })) attempts.set(job.name, 1)
        await expireLeases(fleet, tenant)
      }
      for (let round = 0; round < 20 && (await workflows.get(id))?.endedAt === null; round++) {
        await Promise.all([1, 2, 3].map(work))
      }
      const ended = await workflows.get(id)
      // The oracle: tasks in their order, each once all before it are known. A dead worker's attempt counts.
      const outcome = new Map<string, 'completed' | 'failed' | 'skipped'>()
      for (const [n, { name, dependsOn }] of tasks.entries()) {
        const blocked = dependsOn.some((one) => {
          const of = tasks.findIndex((each) => each.name === one)
          return outcome.get(one) !== 'completed' && nodes[of]?.kind !== 'optional'
        })
        outcome.set(name, blocked ? 'skipped' : (nodes[n]?.fails ?? 0) >= 2 ? 'failed' : 'completed')
      }
      const critical = tasks.some((task) => outcome.get(task.name) === 'failed' && task.critical)
      const failed = tasks.some((task) => outcome.get(task.name) !== 'completed' && !task.optional)
      expect(ended?.status).toBe(failed ? 'failed' : 'completed')
      expect(ended?.counts.open).toBe(0)
      if (!critical) for (const task of ended?.tasks ?? []) expect(task.status, task.name).toBe(outcome.get(task.name))
      const counted = (status: string) => ended?.tasks.filter((task) => task.status === status).length
      for (const status of ['completed', 'failed', 'skipped', 'cancelled'] as const) {
        expect(ended?.counts[status]).toBe(counted(status))
      }
      expect(await sql(fleet, 'select * from delivery.jobs where tenant_id = $1', [tenant.id])).toEqual([])
    }),
    { numRuns: 25 },
  )
})

test('tasks that a batch ends stay on their pages, which have room for each of them once more', async () => {
  const tenant = await newTenant(fleet)
  const { workflows, jobs } = tenant.delivery
  const tasks = Array.from({ length: 100 }, (_, n) => ({ name: `task-${n}`, type: 'job', payload: { n } }))
  const [made] = await workflows.create([{ name: 'w', start: true, tasks }])
  const pages = () =>
    sql<{ task_number: number; page: number }>(
      fleet,
      `select task_number, (ctid::text::point)[0] as page from delivery.workflow_tasks where tenant_id = $1 and workflow_id = $2 order by 1`,
      [tenant.id, made?.id],
    )
  const before = await pages()
  await jobs.complete(await jobs.claim('a worker', { types, limit: 100 }))
  expect(await pages()).toEqual(before)
})

test('a batch may end jobs in each of the ways at once, and again', async () => {
  const tenant = await newTenant(fleet)
  const { workflows, jobs } = tenant.delivery
  const tasks = ['a', 'b', 'c', 'd'].map((name) => ({ name, type: 'job', optional: name === 'd' }))
  const [made] = await workflows.create([{ name: 'w', start: true, tasks }])
  const held = await jobs.claim('w', { types, limit: 4 })
  const ended = held
    .toSorted((a, b) => a.number - b.number)
    .map(({ name, workflowId, number, lease }) => {
      const rest =
        name === 'a'
          ? { outcome: 'completed', result: { n: 1 } }
          : name === 'b'
            ? { outcome: 'released' }
            : { outcome: 'failed', error: 'x' }
      return { workflow_id: workflowId, task_number: number, lease, ...rest, retry: name === 'c', delay_ms: 60_000 }
    })
  const end = (items: readonly object[]) =>
    sql<{ status: string; retry_at: Date | null }>(fleet, 'select status, retry_at from delivery.end_jobs($1, $2)', [
      tenant.id,
      JSON.stringify(items),
    ])
  const first = await end(ended)
  expect(first.map(({ status }) => status)).toEqual(['completed', 'pending', 'pending', 'failed'])
  expect(first.map(({ retry_at }) => retry_at !== null)).toEqual([false, true, true, false])
  expect(await end(ended.toReversed())).toEqual(first.toReversed())
  expect(await end([...ended, ...ended])).toEqual([...first, ...first])
  expect(await workflows.get(made?.id as string)).toMatchObject({ counts: { open: 2, completed: 1, failed: 1 } })
  await failure(end([{ ...ended[0], result: { n: 2 } }, ...ended.slice(1)]), 'LEASE_LOST')
})

interface Way {
  outcome: 'completed' | 'failed' | 'released' | 'kept'
  result: { n: number } | null | undefined
  error: string
  retry: boolean
}

describe('tasks that end together', () => {
  const makeTasks = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ name: `t${n}`, type: 'job', critical: false }))

  test('end as they would one by one, each with its answer in its place', async () => {
    const way: fc.Arbitrary<Way> = fc.record({
      outcome: fc.constantFrom('completed', 'failed', 'released', 'kept'),
      result: fc.constantFrom(undefined, undefined, null, { n: 1 }),
      error: fc.constantFrom('broken', 'late'),
      retry: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(way, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (ways, isShuffled) => {
          const end = async (together: boolean) => {
            const { workflows, jobs } = (await newTenant(fleet)).delivery
            const made = await workflows.create(
              ways.map((each) => ({ name: 'w', start: true, tasks: makeTasks(each.length) })),
            )
            const order = new Map(made.map(({ id }, place) => [id, place]))
            const held = (await jobs.claim('w', { types, limit: 100 })).map((job) => {
              const place = order.get(job.workflowId) as number
              return {
                job,
                name: `${place}/${job.name}`,
                way: ways[place]?.[Number(job.name.slice(1))] as Way,
              }
            })
            if (isShuffled) held.sort((a, b) => a.job.number - b.job.number)
            const answers = new Map<string, string>()
            const submit = async (outcome: string, call: (of: typeof held) => Promise<{ status: string }[]>) => {
              const of = held.filter(({ way }) => way.outcome === outcome)
              const calls = together ? [of] : of.map((each) => [each])
              for (const each of calls) {
                const ended = await call(each)
                for (const [n, { name }] of each.entries()) answers.set(name, ended[n]?.status as string)
              }
            }
            await Promise.all([
              submit('completed', (of) =>
                jobs.complete(
                  of.map(({ job, way }) => (way.result === undefined ? job : { ...job, result: way.result })),
                ),
              ),
              submit('failed', (of) =>
                jobs.fail(of.map(({ job, way }) => ({ ...job, error: way.error, retry: way.retry, delayMs: 60_000 }))),
              ),
              submit('released', (of) => jobs.release(of.map(({ job }) => job))),
            ])
            const found = await Promise.all(made.map(({ id }) => workflows.get(id)))
            return {
              answers: [...answers].toSorted(),
              tasks: found.map((each) =>
                each?.tasks.map(({ name, status, result, error, attempt }) => ({
                  name,
                  status,
                  result,
                  error,
                  attempt,
                })),
              ),
              counts: found.map((each) => each?.counts),
            }
          }
          expect(await end(true)).toEqual(await end(false))
        },
      ),
      { numRuns: 15 },
    )
  })

  test('are told of by their place when one has lost its lease, and none of them has ended', async () => {
    const tenant = await newTenant(fleet)
    const { workflows, jobs } = tenant.delivery
    const [made] = await workflows.create([{ name: 'w', start: true, tasks: makeTasks(5) }])
    const held = await jobs.claim('w', { types, limit: 5 })
    await jobs.fail({ ...(held[3] as Job), error: 'x', retry: false })
    expect(await failure(jobs.complete(held), 'LEASE_LOST')).toMatchObject({ field: 'jobs[3].lease' })
    expect(await failure(jobs.complete([...held.slice(4), ...held]), 'LEASE_LOST')).toMatchObject({
      field: 'jobs[4].lease',
    })
    expect(await workflows.get(made?.id as string)).toMatchObject({ counts: { open: 4, failed: 1 } })
    const rest = held.filter((_, n) => n !== 3)
    expect(await jobs.complete([...rest, ...rest])).toEqual(Array(8).fill({ status: 'completed', retryAt: null }))
  })

  test('end their workflow in the name of who ended them, whatever travels beside them', async () => {
    const tenant = await newTenant(fleet)
    const callers = ['ann', 'bob', 'cy'].map((id) => ({
      id,
      jobs: tenant.as({ actor: { type: 'user', id } }).delivery.jobs,
    }))
    const made = await tenant.delivery.workflows.create(
      callers.map(() => ({ name: 'w', start: true, tasks: makeTasks(3) })),
    )
    const held = await tenant.delivery.jobs.claim('w', { types, limit: 9 })
    await Promise.all(
      callers.map(({ jobs }, n) => jobs.complete(held.filter(({ workflowId }) => workflowId === made[n]?.id))),
    )
    const ends = (await auditOf(fleet, tenant)).filter(
      ({ entity_type, action }) => entity_type === 'workflow' && action === 'stop',
    )
    expect(new Map(ends.map(({ entity_id, actor_id }) => [entity_id, actor_id]))).toEqual(
      new Map(made.map(({ id }, n) => [id, callers[n]?.id])),
    )
  })
})
