import type { Place, Sample, StoreOperation } from '../operation.js'

const key = ({ name }: Sample) => ({ repository: name, number: 1 })
const pullRequest = (sample: Sample) => ({ ...key(sample), title: 'a title' })
const upsert = ({ delivery }: Place, sample: Sample) => delivery.pullRequests.upsert(pullRequest(sample))
const pullRequests = async ({ delivery }: Place, { name }: Sample) =>
  (await delivery.pullRequests.list({ repository: name })).map(({ title, status, version, quality }) => [
    title,
    status,
    version,
    quality,
  ])
const merged = async ({ delivery }: Place) => {
  const other = { repository: 'other', number: 9 }
  await delivery.pullRequests.upsert({ ...other, title: 't', status: 'merged' })
  return other
}

/** Pull requests. */
export const PULL_REQUESTS: readonly StoreOperation[] = [
  {
    path: 'delivery.pullRequests.upsert',
    call: async ({ delivery }, sample, options) =>
      (await delivery.pullRequests.upsert(pullRequest(sample), options)).title,
    read: pullRequests,
    bad: {
      'pullRequests[0].coverage': ({ delivery }, sample) =>
        delivery.pullRequests.upsert({ ...pullRequest(sample), coverage: 101 }),
      'pullRequests[1].title': ({ delivery }, sample) =>
        delivery.pullRequests.upsert([pullRequest(sample), { ...key(sample), number: 2 }]),
    },
    refused: {
      PULL_REQUEST_STATE_ILLEGAL: async (place, sample) =>
        await place.delivery.pullRequests.upsert([pullRequest(sample), { ...(await merged(place)), status: 'open' }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.pullRequests.update',
    arrange: upsert,
    call: async ({ delivery }, sample, options) =>
      (await delivery.pullRequests.update({ ...key(sample), quality: 80 }, options)).quality,
    read: pullRequests,
    bad: {
      'pullRequests[0].quality': ({ delivery }, sample) =>
        delivery.pullRequests.update({ ...key(sample), quality: -1 }),
    },
    refused: {
      PULL_REQUEST_UNKNOWN: ({ delivery }, sample) =>
        delivery.pullRequests.update([
          { ...key(sample), quality: 1 },
          { ...key(sample), number: 2 },
        ]),
      PULL_REQUEST_STATE_ILLEGAL: async (place, sample) =>
        await place.delivery.pullRequests.update([
          { ...key(sample), quality: 1 },
          { ...(await merged(place)), status: 'closed' },
        ]),
      VERSION_CONFLICT: ({ delivery }, sample) =>
        delivery.pullRequests.update({ ...key(sample), quality: 1, expectedVersion: 99 }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.pullRequests.get',
    arrange: upsert,
    call: async ({ delivery }, sample, options) => (await delivery.pullRequests.get(key(sample), options))?.title,
    bad: { 'keys[1]': ({ delivery }, sample) => delivery.pullRequests.get([key(sample), 'x']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.pullRequests.list',
    arrange: upsert,
    call: async ({ delivery }, _, options) =>
      (await delivery.pullRequests.list({ query: 'title', ...options })).map(({ repository }) => repository),
    bad: {
      'options.status': ({ delivery }) => delivery.pullRequests.list({ status: 'x' as never }),
      'options.metadata': ({ delivery }) => delivery.pullRequests.list({ metadata: { n: Number.NaN } }),
    },
    aborts: true,
  },
  {
    path: 'delivery.pullRequests.gate',
    arrange: upsert,
    call: ({ delivery }, sample, options) => delivery.pullRequests.gate(key(sample), {}, options),
    bad: {
      'policy.coverageMin': ({ delivery }, sample) => delivery.pullRequests.gate(key(sample), { coverageMin: 101 }),
    },
    refused: {
      PULL_REQUEST_UNKNOWN: ({ delivery }) => delivery.pullRequests.gate({ repository: 'none', number: 1 }),
    },
    aborts: true,
    gathered: true,
  },
]
