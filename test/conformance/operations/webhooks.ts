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
]
