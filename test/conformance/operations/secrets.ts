import { staticKeyProvider } from 'pgfleet'
import type { Place, Sample, StoreOperation } from '../operation.js'

const MASTER = Buffer.alloc(32, 7)
/** Two master keys of the same bytes: what is said to be wrapped with the former one can be unwrapped with either. */
export const keyProvider = staticKeyProvider({ key: MASTER, keyId: 'current', former: { former: MASTER } })

const set = ({ memory }: Place, { name }: Sample) => memory.secrets.set(name, name)
const versions = async ({ memory }: Place, { name }: Sample) =>
  (await memory.secrets.list({ service: name })).map(({ version, isActive }) => [version, isActive])
const keyCount = async ({ sql, tenant }: Place) =>
  (await sql('select from memory.data_keys where tenant_id = $1', [tenant])).length

/** Secrets. */
export const SECRETS: readonly StoreOperation[] = [
  {
    path: 'memory.secrets.set',
    call: ({ memory }, { name }, options) => memory.secrets.set(name, name, options),
    read: async (place, sample) => [await versions(place, sample), await keyCount(place)],
    bad: {
      service: ({ memory }) => memory.secrets.set('', 'x'),
      value: ({ memory }, { name }) => memory.secrets.set(name, ''),
      'options.metadata': ({ memory }, { name }) => memory.secrets.set(name, 'x', { metadata: { n: Number.NaN } }),
    },
    repeat: 'counts',
    aborts: true,
  },
  {
    path: 'memory.secrets.rotate',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.secrets.rotate(name, `${name}!`, options),
    read: versions,
    bad: {
      service: ({ memory }) => memory.secrets.rotate('\0', 'x'),
      value: ({ memory }, { name }) => memory.secrets.rotate(name, ''),
    },
    refused: { SECRET_UNKNOWN: ({ memory }) => memory.secrets.rotate('nothing', 'x') },
    repeat: 'counts',
    aborts: true,
  },
  {
    path: 'memory.secrets.get',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.secrets.get(name, options),
    bad: {
      service: ({ memory }) => memory.secrets.get(''),
      'options.version': ({ memory }, { name }) => memory.secrets.get(name, { version: 0 }),
    },
    refused: { SECRET_UNKNOWN: ({ memory }, { name }) => memory.secrets.get(name, { version: 99 }) },
    aborts: true,
  },
  {
    path: 'memory.secrets.deactivate',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.secrets.deactivate(name, options),
    read: versions,
    bad: { service: ({ memory }) => memory.secrets.deactivate('') },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.secrets.list',
    arrange: set,
    call: async ({ memory }, _, options) => (await memory.secrets.list(options)).map(({ service }) => service),
    bad: {
      'options.service': ({ memory }) => memory.secrets.list({ service: '' }),
      'options.after.version': ({ memory }, { name }) => memory.secrets.list({ after: { service: name, version: 0 } }),
    },
    aborts: true,
  },
  {
    path: 'memory.secrets.delete',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.secrets.delete(name, options),
    read: versions,
    bad: {
      service: ({ memory }) => memory.secrets.delete(''),
      'options.version': ({ memory }, { name }) => memory.secrets.delete(name, { version: 0 }),
    },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.secrets.rewrap',
    arrange: async (place, sample) => {
      await set(place, sample)
      await place.sql(`update memory.data_keys set master_key_id = 'former' where tenant_id = $1`, [place.tenant])
    },
    call: ({ memory }) => memory.secrets.rewrap(),
    read: ({ sql, tenant }) => sql('select master_key_id from memory.data_keys where tenant_id = $1', [tenant]),
    bad: {},
    repeat: 'same',
  },
]
