import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'
import { untilSettled } from './settled.js'

const point = ({ id, name }: Sample) => ({ id, name, numericValue: 1 })
const record = ({ delivery }: Place, sample: Sample) => delivery.metrics.record(point(sample))
const points = async ({ delivery }: Place, { name }: Sample) =>
  (await delivery.metrics.query({ name })).metrics.map(({ name, numericValue }) => [name, numericValue])
const recordSettled = async (place: Place, sample: Sample) => {
  await record(place, sample)
  await untilSettled(place, 'metrics')
}
const rollUp = async (place: Place, sample: Sample) => {
  await recordSettled(place, sample)
  await place.delivery.metrics.rollUp()
}

/** Metrics. */
export const METRICS: readonly StoreOperation[] = [
  {
    path: 'delivery.metrics.record',
    call: ({ delivery }, sample, options) => delivery.metrics.record(point(sample), options),
    read: points,
    bad: {
      'metrics[0].name': ({ delivery }) => delivery.metrics.record({ name: '', numericValue: 1 }),
      'metrics[1].stringValue': ({ delivery }, sample) =>
        delivery.metrics.record([point(sample), { name: 'n', numericValue: 1, stringValue: 'x' }]),
    },
    refused: {
      ID_OUT_OF_WINDOW: ({ delivery }, sample) =>
        delivery.metrics.record([point(sample), { id: uuidv7({ msecs: 1 }), name: 'n', numericValue: 1 }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.metrics.query',
    arrange: record,
    call: ({ delivery }, { name }, options) => delivery.metrics.query({ name }, options),
    bad: { 'query.limit': ({ delivery }) => delivery.metrics.query({ limit: 0 }) },
    aborts: true,
  },
  {
    path: 'delivery.metrics.names',
    arrange: record,
    call: async ({ delivery }, { name }, options) =>
      (await delivery.metrics.names({ prefix: name }, options)).map(({ name, series }) => [name, series]),
    bad: { 'query.limit': ({ delivery }) => delivery.metrics.names({ limit: 0 }) },
    aborts: true,
  },
  {
    path: 'delivery.metrics.series',
    arrange: record,
    call: ({ delivery }, { name }, options) => delivery.metrics.series({ name }, options),
    bad: { 'query.dimensions': ({ delivery }) => delivery.metrics.series({ dimensions: [] as never }) },
    aborts: true,
  },
  {
    path: 'delivery.metrics.rollUp',
    arrange: recordSettled,
    call: ({ delivery }, _, options) => delivery.metrics.rollUp(options),
    read: ({ delivery }, { name }) => delivery.metrics.summary({ name }),
    bad: { 'options.pointsMax': ({ delivery }) => delivery.metrics.rollUp({ pointsMax: 0 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'delivery.metrics.rollups',
    arrange: rollUp,
    call: ({ delivery }, { name }, options) => delivery.metrics.rollups({ name, resolution: 'hour' }, options),
    bad: {
      'query.resolution': ({ delivery }, { name }) => delivery.metrics.rollups({ name, resolution: 'week' as never }),
    },
    aborts: true,
  },
  {
    path: 'delivery.metrics.summary',
    arrange: rollUp,
    call: ({ delivery }, { name }, options) => delivery.metrics.summary({ name }, options),
    bad: { 'query.fractions[0]': ({ delivery }, { name }) => delivery.metrics.summary({ name, fractions: [2] }) },
    aborts: true,
  },
  {
    path: 'delivery.metrics.percentile',
    arrange: rollUp,
    call: ({ delivery }, { name }, options) => delivery.metrics.percentile({ name, fraction: 0.5 }, options),
    bad: { 'query.fraction': ({ delivery }, { name }) => delivery.metrics.percentile({ name, fraction: -1 }) },
    aborts: true,
  },
]
