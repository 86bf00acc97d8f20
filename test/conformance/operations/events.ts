import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

const event = ({ id, name }: Sample) => ({ id, type: name, payload: { name } })
const append = async ({ memory, tenant }: Place, sample: Sample) => {
  await memory.events.append(event(sample))
  sample.made.tenant = tenant
}
/**
 * Who follows the log is told of an event when no older transaction runs any more, of whichever database of the server;
 * where there is none, nobody waits long.
 */
const patienceMs = ({ tenant }: Place, { made }: Sample) => (made.tenant === tenant ? 25_000 : 200)

/** The event log. */
export const EVENTS: readonly StoreOperation[] = [
  {
    path: 'memory.events.append',
    call: ({ memory }, sample, options) => memory.events.append(event(sample), options),
    read: async ({ memory }, { name }) =>
      (await memory.events.query({ type: name })).events.map(({ type, payload }) => [type, payload]),
    bad: {
      'events[0].type': ({ memory }, sample) => memory.events.append({ ...event(sample), type: '' }),
      'events[1].payload': ({ memory }, sample) =>
        memory.events.append([event(sample), { ...event(sample), payload: Number.NaN }]),
      'events[0].occurredAt': ({ memory }, sample) =>
        memory.events.append({ ...event(sample), occurredAt: new Date(0) }),
    },
    refused: {
      ID_OUT_OF_WINDOW: ({ memory }, sample) =>
        memory.events.append([event(sample), { ...event(sample), id: uuidv7({ msecs: 1e12 }) }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.events.query',
    arrange: append,
    call: async ({ memory }, { name }, options) =>
      (await memory.events.query({ payload: { name } }, options)).events.map(({ type }) => type),
    bad: {
      'query.limit': ({ memory }) => memory.events.query({ limit: 0 }),
      'query.to': ({ memory }) => memory.events.query({ from: new Date(1), to: new Date(0) }),
    },
    aborts: true,
  },
  {
    path: 'memory.events.get',
    arrange: append,
    call: async ({ memory }, { id }, options) => (await memory.events.get(id, options))?.type,
    bad: { id: ({ memory }) => memory.events.get('x') },
    aborts: true,
  },
  {
    path: 'memory.events.tail',
    arrange: append,
    call: async (place, sample) => {
      const signal = AbortSignal.timeout(patienceMs(place, sample))
      for await (const { type } of place.memory.events.tail({ after: 'start', pollMs: 10, signal })) return type
      return undefined
    },
    bad: {
      'options.after': ({ memory }) => memory.events.tail({ after: 'x' }),
      'options.pollMs': ({ memory }) => memory.events.tail({ pollMs: 0 }),
    },
  },
  {
    path: 'memory.events.stats',
    arrange: append,
    call: async ({ memory }) => (await memory.events.stats()).types.map(({ type, events }) => [type, events]),
    bad: { 'range.from': ({ memory }) => memory.events.stats({ from: 0 as never }) },
  },
  {
    path: 'memory.events.passHatK',
    arrange: ({ memory }, { id, name }) =>
      memory.events.append({ id, type: 'run.ended', payload: { task: name, reward: 1 } }),
    call: ({ memory }) => memory.events.passHatK(),
    bad: { 'options.kMax': ({ memory }) => memory.events.passHatK({ kMax: 0 }) },
  },
]
