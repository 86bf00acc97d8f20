import { createWorker, JobFailure } from 'pgfleet/delivery'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet } from '../../setup/index.js'
import { graph, newTenant } from './support.js'

const fleet = await openTestFleet()

/** Something that a test waits for, without a clock. */
function signal(): { readonly come: Promise<void>; give(): void } {
  let give = () => {}
  const come = new Promise<void>((resolve) => {
    give = resolve
  })
  return { come, give: () => give() }
}

describe('run', () => {
  test('runs a pipeline: tasks beside each other, results handed on', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const both = signal()
    let waiting = 0
    const beside = async () => {
      if (++waiting === 2) both.give()
      await both.come
      return waiting
    }
    const { workflow, results, errors } = await workflows.run(
      {
        name: 'pipeline',
        tasks: [
          { name: 'build', payload: { target: 'api' } },
          { name: 'lint', type: 'beside', dependsOn: ['build'] },
          { name: 'unit', type: 'beside', dependsOn: ['build'] },
          { name: 'flaky', dependsOn: ['build'], retryDelayMs: 0 },
          { name: 'deploy', dependsOn: ['lint', 'unit', 'flaky'] },
        ],
      },
      {
        build: ({ payload }) => payload,
        beside,
        flaky: ({ attempt }) => {
          if (attempt < 3) throw new Error('not yet')
          return attempt
        },
        deploy: ({ needs }) => Object.keys(needs).toSorted(),
      },
    )
    expect(workflow).toMatchObject({ status: 'completed', counts: { completed: 5 } })
    expect(results).toEqual({ build: { target: 'api' }, lint: 2, unit: 2, flaky: 3, deploy: ['flaky', 'lint', 'unit'] })
    expect(errors).toEqual({})
  })

  test('never has more tasks in hand than it may', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    let [now, most] = [0, 0]
    const job = async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
    }
    const edges = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`t${n}`, []]))
    await workflows.run({ name: 'wide', tasks: graph(edges) }, { job }, { concurrency: 3 })
    expect(most).toBeLessThanOrEqual(3)
  })

  test('tells of failures; a JobFailure says whether it is worth another attempt', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    let calls = 0
    const { workflow, errors, results } = await workflows.run(
      {
        name: 'failing',
        tasks: [{ name: 'bad', critical: false }, { name: 'after', dependsOn: ['bad'] }, { name: 'other' }],
      },
      {
        bad: () => {
          calls++
          throw new JobFailure('never', { retry: false })
        },
        after: () => 1,
        other: () => 2,
      },
    )
    expect(calls).toBe(1)
    expect(errors).toEqual({ bad: 'never' })
    expect(results).toEqual({ other: 2 })
    expect(workflow).toMatchObject({ status: 'failed', counts: { failed: 1, skipped: 1, completed: 1 } })
  })

  test('a result that is no JSON fails the task', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const { workflow, errors } = await workflows.run({ name: 'w', tasks: [{ name: 'a' }] }, { a: () => new Map() })
    expect(workflow.status).toBe('failed')
    expect(errors.a).toContain('only plain objects are JSON')
  })

  test('leaves its tasks to nobody else, and a repeated call gets the same', async () => {
    const { workflows, jobs } = (await newTenant(fleet)).delivery
    const id = uuidv7()
    let calls = 0
    const definition = { id, name: 'w', tasks: [{ name: 'a', type: 'job' }] }
    const job = async () => {
      calls++
      expect(await jobs.claim('thief', { types: ['job'] })).toEqual([])
      return 7
    }
    expect((await workflows.run(definition, { job })).results).toEqual({ a: 7 })
    expect((await workflows.run(definition, { job })).results).toEqual({ a: 7 })
    expect(calls).toBe(1)
  })

  test('is cancelled by its signal, and waits for the handlers in hand', async () => {
    const { workflows } = (await newTenant(fleet)).delivery
    const id = uuidv7()
    const abort = new AbortController()
    let ended = false
    const a = async ({ signal: given }: { signal: AbortSignal }) => {
      abort.abort(new Error('enough'))
      await new Promise((resolve) => {
        if (given.aborted) resolve(undefined)
        given.addEventListener('abort', resolve)
      })
      ended = true
    }
    const run = workflows.run({ id, name: 'w', tasks: [{ name: 'a' }] }, { a }, { signal: abort.signal })
    await failure(run, 'ABORTED')
    expect(ended).toBe(true)
    expect(await workflows.get(id)).toMatchObject({ status: 'cancelled' })
  })
})

describe('a worker', () => {
  test('serves many tenants, and a busy one does not keep the others waiting', async () => {
    const [busy, quiet] = [await newTenant(fleet), await newTenant(fleet)]
    const edges = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`t${n}`, []]))
    await busy.delivery.workflows.create({ name: 'busy', start: true, tasks: graph(edges) })
    await quiet.delivery.workflows.create({ name: 'quiet', start: true, tasks: graph({ only: [] }) })
    const order: string[] = []
    const served = signal()
    const all = signal()
    const worker = createWorker(fleet, {
      tenants: [busy.id, quiet.id],
      concurrency: 4,
      pollMs: 5,
      handlers: {
        job: ({ name }) => {
          order.push(name)
          if (name === 'only') served.give()
          if (order.length === 201) all.give()
        },
      },
    })
    worker.start()
    await served.come
    expect(order.indexOf('only')).toBeLessThan(20)
    await all.come
    await worker.stop()
    expect(worker.active).toBe(0)
    expect((await busy.delivery.workflows.list())[0]).toMatchObject({ status: 'completed' })
  })

  test('drains: what is in hand is completed, nothing more is claimed', async () => {
    const tenant = await newTenant(fleet)
    const { workflows } = tenant.delivery
    const { id } = await workflows.create({ name: 'w', start: true, tasks: graph({ a: [], b: ['a'] }) })
    const [begun, go] = [signal(), signal()]
    const job = async () => {
      begun.give()
      await go.come
    }
    const worker = createWorker(fleet, { tenants: () => [tenant.id], handlers: { job }, pollMs: 5 })
    worker.start()
    await begun.come
    const stopped = worker.stop()
    go.give()
    await stopped
    await worker.stop()
    expect((await workflows.get(id))?.tasks.map(({ status }) => status)).toEqual(['completed', 'pending'])
  })

  test('gives back what it does not complete in time when it stops', async () => {
    const tenant = await newTenant(fleet)
    const { workflows, jobs } = tenant.delivery
    await workflows.create({ name: 'w', start: true, tasks: graph({ a: [] }) })
    const begun = signal()
    const job = async ({ signal: given }: { signal: AbortSignal }) => {
      begun.give()
      await new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)))
    }
    const worker = createWorker(fleet, { tenants: [tenant.id], handlers: { job }, pollMs: 5 })
    worker.start()
    await begun.come
    await worker.stop({ timeoutMs: 1 })
    expect(await jobs.claim('other', { types: ['job'] })).toMatchObject([{ attempt: 1 }])
  })

  test('goes on when a tenant is unknown, and says so', async () => {
    const tenant = await newTenant(fleet)
    await tenant.delivery.workflows.create({ name: 'w', start: true, tasks: graph({ a: [] }) })
    const errors: unknown[] = []
    const done = signal()
    const worker = createWorker(fleet, {
      tenants: ['nobody', tenant.id],
      handlers: { job: () => done.give() },
      pollMs: 5,
      onError: (error) => errors.push(error),
    })
    worker.start()
    await done.come
    await worker.stop()
    expect(errors[0]).toMatchObject({ code: 'TENANT_UNKNOWN' })
  })

  test.each([
    ['options.handlers', { tenants: ['a'], handlers: {} }],
    ['options.tenants', { tenants: [], handlers: { a: () => {} } }],
    ['options.concurrency', { tenants: ['a'], handlers: { a: () => {} }, concurrency: 0 }],
  ])('with a bad %s is refused', async (field, options) => {
    const call = async () => createWorker(fleet, options)
    expect((await failure(call(), 'INPUT_INVALID')).field).toBe(field)
  })
})
