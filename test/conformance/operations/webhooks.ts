import type { Place, Sample, StoreOperation } from '../operation.js'

const job = ({ name }: Sample) => ({ repository: name, jobId: 7, name: 'build', conclusion: 'success' })
const payload = ({ name }: Sample) => ({
  repository: { full_name: name },
  deployment: {
    id: 1,
    sha: 'a',
    environment: 'test',
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
  },
})
const tell = ({ delivery }: Place, sample: Sample) => delivery.ingest('deployment', payload(sample), sample.id)
/** Told by the event; what is told of each is read by its id, 1. */
const telling =
  (event: string, extra: object) =>
  ({ delivery }: Place, { name, id }: Sample) =>
    delivery.ingest(event, { action: 'completed', repository: { full_name: name }, ...extra }, id)
const TIMES = { created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' }
const tellRun = telling('workflow_run', { workflow_run: { id: 1, head_sha: 'a', status: 'queued', ...TIMES } })
const tellCheck = telling('check_run', { check_run: { id: 1, head_sha: 'a', name: 'lint', status: 'queued' } })
const tellBranch = telling('push', {
  ref: 'refs/heads/main',
  before: 'a',
  after: 'b',
  deleted: false,
  forced: false,
  commits: [],
})
const reject = async ({ delivery }: Place, { id }: Sample) => {
  await delivery.ingest('star', {}, id).catch(() => {})
}

/** Webhooks, and what they tell. */
export const WEBHOOKS: readonly StoreOperation[] = [
  {
    path: 'delivery.ingest',
    call: async ({ delivery }, sample, options) =>
      (await delivery.ingest('deployment', payload(sample), sample.id, options)).event,
    read: ({ sql, tenant }, { name }) =>
      sql(
        `select environment, status, (select count(*)::integer from delivery.webhook_deliveries w where w.tenant_id = d.tenant_id) > 0 as known
        from delivery.deployments d where tenant_id = $1 and repository = $2`,
        [tenant, name],
      ),
    bad: {
      deliveryId: ({ delivery }, sample) => delivery.ingest('deployment', payload(sample), ''),
      'options.secret': ({ delivery }, sample) =>
        delivery.ingest('deployment', payload(sample), sample.id, { signature: 'x' }),
    },
    refused: {
      WEBHOOK_REJECTED: ({ delivery }, sample) => delivery.ingest('deployment', { deployment: {} }, sample.id),
      WEBHOOK_SIGNATURE_INVALID: ({ delivery }, sample) =>
        delivery.ingest('deployment', JSON.stringify(payload(sample)), sample.id, { secret: 's', signature: 'x' }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.webhooks.rejects',
    arrange: reject,
    call: async ({ delivery }, _, options) =>
      (await delivery.webhooks.rejects(options)).map(({ event, reason }) => [event, reason]),
    bad: { 'options.limit': ({ delivery }) => delivery.webhooks.rejects({ limit: 0 }) },
    aborts: true,
  },
  {
    path: 'delivery.webhooks.prune',
    arrange: async (place, sample) => {
      await reject(place, sample)
      await place.sql(
        `update delivery.webhook_rejects set received_at = now() - interval '40 days' where tenant_id = $1 and delivery_id = $2`,
        [place.tenant, sample.id],
      )
    },
    call: ({ delivery }, _, options) => delivery.webhooks.prune(options),
    read: async ({ delivery }, { id }) =>
      (await delivery.webhooks.rejects()).filter(({ deliveryId }) => deliveryId === id).map(({ event }) => event),
    bad: { 'options.olderThanMs': ({ delivery }) => delivery.webhooks.prune({ olderThanMs: -1 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'delivery.pipeline.recordJobs',
    call: ({ delivery }, sample, options) => delivery.pipeline.recordJobs([job(sample)], options),
    read: async ({ delivery }, { name }) =>
      (await delivery.pipeline.jobs(name)).map(({ jobId, status, conclusion }) => [jobId, status, conclusion]),
    bad: {
      'jobs[1].jobId': ({ delivery }, sample) =>
        delivery.pipeline.recordJobs([job(sample), { ...job(sample), jobId: 0.5 }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.pipeline.jobs',
    arrange: ({ delivery }, sample) => delivery.pipeline.recordJobs([job(sample)]),
    call: async ({ delivery }, { name }, options) =>
      (await delivery.pipeline.jobs(name, options)).map(({ jobId }) => jobId),
    bad: {
      repository: ({ delivery }) => delivery.pipeline.jobs(''),
      'options.after': ({ delivery }, { name }) => delivery.pipeline.jobs(name, { after: 0 }),
    },
    aborts: true,
  },
  {
    path: 'delivery.pipeline.job',
    arrange: ({ delivery }, sample) => delivery.pipeline.recordJobs([job(sample)]),
    call: async ({ delivery }, { name }, options) =>
      (await delivery.pipeline.job([{ repository: name, jobId: 7 }], options)).map((found) => found?.name),
    bad: { 'keys[0].jobId': ({ delivery }, { name }) => delivery.pipeline.job({ repository: name, jobId: 0 }) },
    aborts: true,
  },
  {
    path: 'delivery.pipelineRuns.list',
    arrange: tellRun,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.pipelineRuns.list({ repository: name, ...options })).map(({ runId }) => runId),
    bad: { 'options.limit': ({ delivery }) => delivery.pipelineRuns.list({ limit: 0 }) },
    aborts: true,
  },
  {
    path: 'delivery.pipelineRuns.get',
    arrange: tellRun,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.pipelineRuns.get({ repository: name, runId: 1 }, options))?.status,
    bad: { 'keys[0].runId': ({ delivery }, { name }) => delivery.pipelineRuns.get({ repository: name, runId: 0 }) },
    aborts: true,
  },
  {
    path: 'delivery.checks.list',
    arrange: tellCheck,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.checks.list({ repository: name, ...options })).map(({ checkId }) => checkId),
    bad: { 'options.headSha': ({ delivery }) => delivery.checks.list({ headSha: '' }) },
    aborts: true,
  },
  {
    path: 'delivery.checks.get',
    arrange: tellCheck,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.checks.get({ repository: name, checkId: 1 }, options))?.name,
    bad: { 'keys[0].repository': ({ delivery }) => delivery.checks.get({ repository: '', checkId: 1 }) },
    aborts: true,
  },
  {
    path: 'delivery.deployments.list',
    arrange: tell,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.deployments.list({ repository: name, ...options })).map(({ environment }) => environment),
    bad: { 'options.environment': ({ delivery }) => delivery.deployments.list({ environment: '' }) },
    aborts: true,
  },
  {
    path: 'delivery.deployments.get',
    arrange: tell,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.deployments.get({ repository: name, deploymentId: 1 }, options))?.environment,
    bad: {
      'keys[0].deploymentId': ({ delivery }, { name }) =>
        delivery.deployments.get({ repository: name, deploymentId: 0.5 }),
    },
    aborts: true,
  },
  {
    path: 'delivery.branches.list',
    arrange: tellBranch,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.branches.list({ repository: name, ...options })).map(({ ref }) => ref),
    bad: {
      'options.after.ref': ({ delivery }, { name }) => delivery.branches.list({ after: { repository: name, ref: '' } }),
    },
    aborts: true,
  },
  {
    path: 'delivery.branches.get',
    arrange: tellBranch,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.branches.get({ repository: name, ref: 'refs/heads/main' }, options))?.headSha,
    bad: { 'keys[0].ref': ({ delivery }, { name }) => delivery.branches.get({ repository: name, ref: '' }) },
    aborts: true,
  },
]
