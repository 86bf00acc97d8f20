import type { Place, Sample, StoreOperation } from '../operation.js'

/** Waits until what was written can be read: older transactions anywhere on the server hold it back. */
async function passed({ metadata, sql }: Place): Promise<void> {
  const [row] = await sql('select pg_current_xact_id()::text as id')
  for (let i = 0; i < 3000; i++) {
    const { cursor } = await metadata.changesSince('now', { group: 'NORMAL' })
    if (BigInt(cursor.split(':')[1] as string) > BigInt(String(row?.id))) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('a transaction on the server stays open')
}

/** An entity with a key, and in `made` a cursor from before. */
const changed = async (place: Place, { name, made }: Sample) => {
  made.cursor = (await place.metadata.changesSince('now', { group: 'NORMAL' })).cursor
  await place.metadata.entities.create({ name })
  await place.metadata.set({ entity: name, key: 'k', value: name })
  await passed(place)
}

/** One round of a ticker. */
const round = async ({ metadata }: Place) => {
  const ticker = metadata.ticks.start()
  await ticker.stop()
  try {
    return await ticker.runOnce()
  } finally {
    await ticker.stop()
  }
}

const deltas = async ({ metadata }: Place) =>
  (await metadata.ticks.list({ group: 'NORMAL' })).map(({ number, delta }) => [number, delta])

/** How the metadata store is followed. */
export const METADATA_FEED: readonly StoreOperation[] = [
  {
    path: 'metadata.changesSince',
    arrange: changed,
    call: async ({ metadata }, { made }) =>
      (await metadata.changesSince(made.cursor ?? 'now', { group: 'NORMAL' })).changes.map((change) =>
        change.kind === 'set' ? [change.entity, change.key, change.value] : [change.entity, change.kind],
      ),
    bad: {
      cursor: ({ metadata }) => metadata.changesSince('yesterday', { group: 'NORMAL' }),
      'query.group': ({ metadata }) => metadata.changesSince('now', { group: '' }),
      'query.limit': ({ metadata }) => metadata.changesSince('now', { group: 'NORMAL', limit: 0 }),
    },
    refused: {
      SYNC_GROUP_UNKNOWN: ({ metadata }, { name }) => metadata.changesSince('now', { group: name }),
      CURSOR_STALE: ({ metadata }) => metadata.changesSince('abc-1:1:0', { group: 'NORMAL' }),
    },
  },
  {
    path: 'metadata.subscribe',
    arrange: changed,
    call: async ({ metadata }, { made }) => {
      const { cursor } = made
      const subscription = metadata.subscribe({ group: 'NORMAL', ...(cursor === undefined ? {} : { cursor }) })
      await subscription.ready
      // By now what lies behind the cursor has been read.
      const none = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))
      const first = await Promise.race([subscription.next(), none])
      await subscription.return()
      return first?.value?.kind === 'set' ? [first.value.entity, first.value.value] : undefined
    },
    bad: {
      'options.group': ({ metadata }) => metadata.subscribe({ group: '' }),
      'options.cursor': ({ metadata }) => metadata.subscribe({ group: 'NORMAL', cursor: 'now' }),
      'options.pendingMax': ({ metadata }) => metadata.subscribe({ group: 'NORMAL', pendingMax: 0 }),
    },
    refused: {
      SYNC_GROUP_UNKNOWN: ({ metadata }, { name }) => metadata.subscribe({ group: name }).ready,
    },
  },
  {
    path: 'metadata.ticks.start',
    arrange: changed,
    call: round,
    read: deltas,
    bad: {
      'options.leaseMs': ({ metadata }) => metadata.ticks.start({ leaseMs: 1 }),
      'options.groups': ({ metadata }) => metadata.ticks.start({ groups: [] }),
    },
    repeat: 'same',
  },
  {
    path: 'metadata.ticks.list',
    arrange: async (place, sample) => {
      await changed(place, sample)
      await round(place)
    },
    call: deltas,
    bad: {
      'query.group': ({ metadata }) => metadata.ticks.list({ group: '' }),
      'query.limit': ({ metadata }) => metadata.ticks.list({ group: 'NORMAL', limit: 0 }),
    },
    refused: {
      SYNC_GROUP_UNKNOWN: ({ metadata }, { name }) => metadata.ticks.list({ group: name }),
    },
  },
]
