import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

const workflow = ({ id, name }: Sample) => ({ id, name, tags: [name], tasks: [{ name: 'task', type: `type-${id}` }] })
const create = ({ delivery }: Place, sample: Sample) => delivery.workflows.create(workflow(sample))
const start = ({ delivery }: Place, sample: Sample) => delivery.workflows.create({ ...workflow(sample), start: true })
const workflows = async ({ delivery }: Place, { name }: Sample) =>
  (await delivery.workflows.list())
    .filter((one) => one.name === name)
    .map(({ status, version, counts, parentId }) => [status, version, counts, parentId !== null])
const jobs = ({ sql, tenant }: Place, { id }: Sample) =>
  sql(
    `select attempt, lease is not null as leased, available_at > now() + interval '1 hour' as long
    from delivery.jobs where tenant_id = $1 and workflow_id = $2`,
    [tenant, id],
  )
const task = async (place: Place, sample: Sample) => [await workflows(place, sample), await jobs(place, sample)]
const claim = async ({ delivery }: Place, sample: Sample) => {
  const [job] = await delivery.jobs.claim('worker', { types: [`type-${sample.id}`] })
  if (job !== undefined) sample.made.lease = job.lease
}
const begun = async (place: Place, sample: Sample) => {
  await start(place, sample)
  await claim(place, sample)
}
const job = ({ id, made }: Sample) => ({ workflowId: id, number: 1, lease: made.lease ?? id })
const lost = ({ id }: Sample) => ({ workflowId: id, number: 1, lease: uuidv7() })
const in_ = (status: 'running' | 'paused') => async (place: Place, sample: Sample) => {
  await start(place, sample)
  if (status === 'paused') await place.delivery.workflows.pause(sample.id)
}

const transition = (
  verb: 'start' | 'pause' | 'resume' | 'cancel',
  arrange: (place: Place, sample: Sample) => Promise<unknown>,
): StoreOperation => ({
  path: `delivery.workflows.${verb}`,
  arrange,
  call: ({ delivery }, { id }, options) => delivery.workflows[verb](id, options),
  read: workflows,
  bad: {
    'workflows[1].id': ({ delivery }, { id }) => delivery.workflows[verb]([id, 'x']),
    'options.reason': ({ delivery }, { id }) => delivery.workflows[verb](id, { reason: '' }),
  },
  refused: {
    WORKFLOW_UNKNOWN: ({ delivery }, { id }) => delivery.workflows[verb]([id, uuidv7()]),
    VERSION_CONFLICT: ({ delivery }, { id }) => delivery.workflows[verb](id, { expectedVersion: 99 }),
    WORKFLOW_TRANSITION_ILLEGAL: async ({ delivery }) => {
      const { id } = await delivery.workflows.create({ name: 'ended', start: true, tasks: [] })
      return await delivery.workflows[verb](id)
    },
  },
  repeat: 'same',
  aborts: true,
  gathered: true,
})

/** Workflows and their jobs. */
export const WORKFLOWS: readonly StoreOperation[] = [
  {
    path: 'delivery.workflows.create',
    call: ({ delivery }, sample, options) => delivery.workflows.create(workflow(sample), options),
    read: workflows,
    bad: {
      'workflows[0].priority': ({ delivery }, sample) =>
        delivery.workflows.create({ ...workflow(sample), priority: 11 }),
      'workflows[1].tasks': ({ delivery }, sample) =>
        delivery.workflows.create([workflow(sample), { name: 'x', tasks: [{ name: 'a', dependsOn: ['a'] }] }]),
      'workflows[0].tasks[0].payload': ({ delivery }, sample) =>
        delivery.workflows.create({ ...workflow(sample), tasks: [{ name: 'a', payload: Number.NaN }] }),
    },
    refused: {
      ID_CONFLICT: async ({ delivery }, sample) => {
        const id = uuidv7()
        await delivery.workflows.create({ id, name: 'one', tasks: [] })
        return await delivery.workflows.create([workflow(sample), { id, name: 'two', tasks: [] }])
      },
      WORKFLOW_UNKNOWN: ({ delivery }, sample) =>
        delivery.workflows.create([workflow(sample), { name: 'child', parentId: uuidv7(), tasks: [] }]),
      ID_OUT_OF_WINDOW: ({ delivery }, sample) =>
        delivery.workflows.create([workflow(sample), { id: uuidv7({ msecs: 1 }), name: 'old', tasks: [] }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.workflows.get',
    arrange: create,
    call: async ({ delivery }, { id }, options) => (await delivery.workflows.get(id, options))?.name,
    bad: { 'ids[1]': ({ delivery }, { id }) => delivery.workflows.get([id, 'x']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.workflows.list',
    arrange: create,
    call: async ({ delivery }, _, options) => (await delivery.workflows.list(options)).map(({ name }) => name),
    bad: {
      'options.status': ({ delivery }) => delivery.workflows.list({ status: 'done' as never }),
      'options.after': ({ delivery }) => delivery.workflows.list({ after: 'x' }),
    },
    aborts: true,
  },
  {
    path: 'delivery.workflows.search',
    arrange: create,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.workflows.search({ tags: [name], ...options })).map((one) => one.name),
    bad: {
      'search.query': ({ delivery }) => delivery.workflows.search({ query: '' }),
      search: ({ delivery }) => delivery.workflows.search({}),
    },
    aborts: true,
  },
  transition('start', create),
  transition('pause', in_('running')),
  transition('resume', in_('paused')),
  transition('cancel', in_('running')),
  {
    path: 'delivery.workflows.history',
    arrange: start,
    call: async ({ delivery }, { id }, options) => (await delivery.workflows.history(id, options)).map(({ to }) => to),
    bad: { id: ({ delivery }) => delivery.workflows.history('x') },
    aborts: true,
  },
  {
    path: 'delivery.workflows.retry',
    arrange: async (place, sample) => {
      sample.made.child = uuidv7()
      await start(place, sample)
      await place.delivery.workflows.cancel(sample.id)
    },
    call: ({ delivery }, { id, made }, options) =>
      delivery.workflows.retry(id, { id: made.child ?? uuidv7(), ...options }),
    read: workflows,
    bad: {
      'options.id': ({ delivery }, { id }) => delivery.workflows.retry(id, { id: 'x' }),
      'ids[0]': ({ delivery }) => delivery.workflows.retry('x'),
    },
    refused: {
      WORKFLOW_UNKNOWN: ({ delivery }) => delivery.workflows.retry(uuidv7()),
      WORKFLOW_TRANSITION_ILLEGAL: async ({ delivery }) =>
        await delivery.workflows.retry((await delivery.workflows.create({ name: 'open', tasks: [] })).id),
    },
    repeat: 'same',
    unknownTenant: 'TENANT_UNKNOWN',
    aborts: true,
  },
  {
    path: 'delivery.workflows.run',
    call: async ({ delivery }, sample, options) =>
      (await delivery.workflows.run(workflow(sample), { [`type-${sample.id}`]: () => sample.name }, options)).results,
    read: workflows,
    bad: {
      'workflows[0].tasks[0].type': ({ delivery }, sample) => delivery.workflows.run(workflow(sample), {}),
      'options.concurrency': ({ delivery }, sample) => delivery.workflows.run(workflow(sample), {}, { concurrency: 0 }),
    },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'delivery.jobs.claim',
    arrange: async (place, sample) => {
      const { tasks, ...rest } = workflow(sample)
      await place.delivery.workflows.create({
        ...rest,
        start: true,
        tasks: [1, 2, 3].map((n) => ({ name: `task-${n}`, type: `type-${sample.id}` })),
      })
    },
    call: ({ delivery }, { id }, options) => delivery.jobs.claim('worker', { types: [`type-${id}`], ...options }),
    read: jobs,
    bad: {
      'options.types': ({ delivery }) => delivery.jobs.claim('worker', { types: [] }),
      'options.leaseMs': ({ delivery }, { id }) => delivery.jobs.claim('worker', { types: [`type-${id}`], leaseMs: 1 }),
      worker: ({ delivery }, { id }) => delivery.jobs.claim('', { types: [`type-${id}`] }),
    },
    repeat: 'counts',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.jobs.heartbeat',
    arrange: begun,
    call: ({ delivery }, sample, options) => delivery.jobs.heartbeat(job(sample), { leaseMs: 7_200_000, ...options }),
    read: jobs,
    bad: {
      'options.leaseMs': ({ delivery }, sample) => delivery.jobs.heartbeat(job(sample), { leaseMs: 1 }),
      'jobs[1].lease': ({ delivery }, sample) =>
        delivery.jobs.heartbeat([job(sample), { ...job(sample), lease: 'x' }], { leaseMs: 7_200_000 }),
    },
    refused: {
      LEASE_LOST: ({ delivery }, sample) =>
        delivery.jobs.heartbeat([job(sample), lost(sample)], { leaseMs: 7_200_000 }),
    },
    repeat: 'same',
    unknownTenant: 'TENANT_UNKNOWN',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.jobs.complete',
    arrange: begun,
    call: ({ delivery }, sample, options) => delivery.jobs.complete({ ...job(sample), result: sample.name }, options),
    read: task,
    bad: {
      'jobs[0].result': ({ delivery }, sample) => delivery.jobs.complete({ ...job(sample), result: Number.NaN }),
      'jobs[1].number': ({ delivery }, sample) => delivery.jobs.complete([job(sample), { ...job(sample), number: 0 }]),
    },
    refused: { LEASE_LOST: ({ delivery }, sample) => delivery.jobs.complete([job(sample), lost(sample)]) },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.jobs.fail',
    arrange: begun,
    call: ({ delivery }, sample, options) =>
      delivery.jobs.fail({ ...job(sample), error: 'broken', delayMs: 7_200_000 }, options),
    read: task,
    bad: {
      'jobs[0].error': ({ delivery }, sample) => delivery.jobs.fail({ ...job(sample), error: '' }),
      'jobs[1].delayMs': ({ delivery }, sample) =>
        delivery.jobs.fail([
          { ...job(sample), error: 'x' },
          { ...job(sample), error: 'x', delayMs: -1 },
        ]),
    },
    refused: {
      LEASE_LOST: ({ delivery }, sample) =>
        delivery.jobs.fail([
          { ...job(sample), error: 'x' },
          { ...lost(sample), error: 'x' },
        ]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.jobs.release',
    arrange: begun,
    call: ({ delivery }, sample, options) => delivery.jobs.release(job(sample), options),
    read: task,
    bad: {
      'jobs[1].workflowId': ({ delivery }, sample) =>
        delivery.jobs.release([job(sample), { ...job(sample), workflowId: 'x' }]),
    },
    refused: { LEASE_LOST: ({ delivery }, sample) => delivery.jobs.release([job(sample), lost(sample)]) },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
]
