import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'
import { untilSettled } from './settled.js'

const entry = ({ id, name }: Sample) => ({ id, entityType: 'gate', entityId: name, action: 'approve' as const })
const record = ({ delivery }: Place, sample: Sample) => delivery.audit.record(entry(sample))
const recordSettled = async (place: Place, sample: Sample) => {
  await record(place, sample)
  await untilSettled(place, 'audit')
}
const query = ({ name }: Sample) => ({ entityType: 'gate', entityId: name })

/** The audit log. */
export const AUDIT: readonly StoreOperation[] = [
  {
    path: 'delivery.audit.record',
    call: ({ delivery }, sample, options) => delivery.audit.record(entry(sample), options),
    read: async ({ delivery }, sample) =>
      (await delivery.audit.list(query(sample))).entries.map(({ entityId, action }) => [entityId, action]),
    bad: {
      'entries[0].action': ({ delivery }, sample) =>
        delivery.audit.record({ ...entry(sample), action: 'guess' as never }),
      'entries[1].changes': ({ delivery }, sample) =>
        delivery.audit.record([entry(sample), { ...entry(sample), id: uuidv7(), changes: { n: Number.NaN } }]),
    },
    refused: {
      ID_OUT_OF_WINDOW: ({ delivery }, sample) =>
        delivery.audit.record([entry(sample), { ...entry(sample), id: uuidv7({ msecs: 1 }) }]),
      ID_CONFLICT: async ({ delivery }, sample) => {
        const id = uuidv7()
        await delivery.audit.record({ id, entityType: 'other', entityId: 'x', action: 'read' })
        return await delivery.audit.record([entry(sample), { ...entry(sample), id }])
      },
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.audit.list',
    arrange: record,
    call: ({ delivery }, sample, options) => delivery.audit.list(query(sample), options),
    bad: { 'query.entityId': ({ delivery }) => delivery.audit.list({ entityId: 'x' }) },
    aborts: true,
  },
  {
    path: 'delivery.audit.seal',
    arrange: recordSettled,
    call: ({ delivery }, _, options) => delivery.audit.seal(options),
    read: async ({ delivery }) => {
      const { seals, entries } = await delivery.audit.verify()
      return [seals, entries]
    },
    bad: { 'options.entriesMax': ({ delivery }) => delivery.audit.seal({ entriesMax: 0 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'delivery.audit.verify',
    arrange: async (place, sample) => {
      await recordSettled(place, sample)
      await place.delivery.audit.seal()
    },
    call: ({ delivery }, _, options) => delivery.audit.verify(options),
    bad: {
      'options.expected.hash': ({ delivery }) => delivery.audit.verify({ expected: { seal: 1, hash: 'x' } }),
    },
    aborts: true,
  },
]
