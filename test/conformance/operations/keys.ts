import type { CallOptions } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

/** Makes a key, and adds it to those that the sample made. */
const create = async ({ memory }: Place, { name, made }: Sample, options?: CallOptions) => {
  const { id, key } = await memory.keys.create({ name, scopes: ['read'] }, options)
  made.id = id
  made.key = key
  made.keys = `${made.keys ?? ''} ${key}`.trim()
  return id
}
const idOf = ({ made, id }: Sample) => made.id ?? id
/** Who may enter with the keys that the sample made; the others are left out. */
const bearers = async ({ memory }: Place, { made }: Sample) => {
  const settled = await Promise.allSettled((made.keys ?? '').split(' ').map((key) => memory.keys.verify(key)))
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.name] : []))
}
const names = async ({ memory }: Place, { name }: Sample) =>
  (await memory.keys.list()).filter((one) => one.name === name).map((one) => one.name)

/** API keys. */
export const KEYS: readonly StoreOperation[] = [
  {
    path: 'memory.keys.create',
    call: create,
    read: bearers,
    bad: {
      'key.name': ({ memory }) => memory.keys.create({ name: '' }),
      'key.expiresAt': ({ memory }, { name }) => memory.keys.create({ name, expiresAt: new Date(0) }),
      'key.metadata': ({ memory }, { name }) => memory.keys.create({ name, metadata: { n: Number.NaN } }),
    },
    repeat: 'counts',
    aborts: true,
    expires: 'memory.api_keys',
  },
  {
    path: 'memory.keys.verify',
    arrange: create,
    call: async ({ memory }, { made }, options) => (await memory.keys.verify(made.key as string, options)).name,
    bad: { 'options.scope': ({ memory }, { made }) => memory.keys.verify(made.key as string, { scope: '' }) },
    refused: {
      KEY_UNKNOWN: ({ memory }) => memory.keys.verify('x'),
      KEY_SCOPE_MISSING: ({ memory }, { made }) => memory.keys.verify(made.key as string, { scope: 'write' }),
      KEY_REVOKED: async ({ memory }, { name }) => {
        const { id, key } = await memory.keys.create({ name })
        await memory.keys.revoke(id)
        return await memory.keys.verify(key)
      },
    },
    unknownTenant: 'KEY_UNKNOWN',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.keys.rotate',
    arrange: create,
    call: ({ memory }, sample, options) => memory.keys.rotate(idOf(sample), options),
    read: names,
    bad: {
      id: ({ memory }) => memory.keys.rotate('x'),
      'options.overlapMs': ({ memory }, sample) => memory.keys.rotate(idOf(sample), { overlapMs: -1 }),
    },
    refused: {
      KEY_UNKNOWN: ({ memory }) => memory.keys.rotate(uuidv7()),
      KEY_REVOKED: async ({ memory }, { name }) => {
        const { id } = await memory.keys.create({ name: `${name}!` })
        await memory.keys.revoke(id)
        return await memory.keys.rotate(id)
      },
    },
    repeat: 'counts',
    aborts: true,
  },
  {
    path: 'memory.keys.revoke',
    arrange: create,
    call: ({ memory }, sample, options) => memory.keys.revoke(idOf(sample), options),
    read: bearers,
    bad: { id: ({ memory }) => memory.keys.revoke('x') },
    refused: { KEY_UNKNOWN: ({ memory }) => memory.keys.revoke(uuidv7()) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.keys.get',
    arrange: create,
    call: async ({ memory }, sample, options) => (await memory.keys.get(idOf(sample), options))?.name,
    bad: { id: ({ memory }) => memory.keys.get('x') },
    aborts: true,
  },
  {
    path: 'memory.keys.list',
    arrange: create,
    call: async ({ memory }, _, options) => (await memory.keys.list(options)).map(({ name }) => name),
    bad: { 'options.after': ({ memory }) => memory.keys.list({ after: 'x' }) },
    aborts: true,
  },
  {
    path: 'memory.keys.delete',
    arrange: create,
    call: ({ memory }, sample, options) => memory.keys.delete(idOf(sample), options),
    read: names,
    bad: { id: ({ memory }) => memory.keys.delete('x') },
    repeat: 'same',
    aborts: true,
  },
]
