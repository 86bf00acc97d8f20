import type { Place, Sample, StoreOperation } from '../operation.js'

const create = ({ metadata }: Place, { id, name }: Sample) => metadata.entities.create({ id, name, channel: 'c' })
const made = async (place: Place, sample: Sample) => {
  await create(place, sample)
  await place.metadata.set({ entity: sample.name, key: 'k', value: { name: sample.name } })
}
/** The entity in a volatile group. */
const madeVolatile = async (place: Place, sample: Sample) => {
  await place.metadata.groups.set({ name: 'VOLATILE', durability: 'volatile' })
  await place.metadata.entities.create({ id: sample.id, name: sample.name, syncGroup: 'VOLATILE' })
}
const value = async ({ metadata }: Place, { name }: Sample) =>
  (await metadata.get({ entity: name, key: 'k' }))?.value ?? null
const values = async ({ metadata }: Place, { name }: Sample) =>
  (await metadata.getMany(['k', 'l'].map((key) => ({ entity: name, key })))).map((entry) => entry?.value ?? null)
const entity = async ({ metadata }: Place, { name }: Sample) => {
  const found = await metadata.entities.get(name)
  return found && [found.name, found.syncGroup, found.channel, found.loadPriority]
}
const group = async ({ metadata }: Place, { name }: Sample) => {
  const found = await metadata.groups.get(name)
  return found && [found.name, found.tickMs, found.durability]
}
const roles = ({ metadata }: Place, { name }: Sample) => metadata.roles.list({ agentId: name })
const role = ({ name }: Sample) => ({ agentId: name, syncGroup: 'NORMAL', insert: true })
const rows = async ({ sql, tenant }: Place, table: string) =>
  (await sql(`select count(*)::integer as many from metadata.${table} where tenant_id = $1`, [tenant]))[0]?.many

const GROUPS: readonly StoreOperation[] = [
  {
    path: 'metadata.groups.set',
    call: async ({ metadata }, { name }) => (await metadata.groups.set({ name, tickMs: 30, durability: 'async' })).name,
    read: group,
    bad: {
      'group.name': ({ metadata }) => metadata.groups.set({ name: '' }),
      'group.tickMs': ({ metadata }, { name }) => metadata.groups.set({ name, tickMs: 1 }),
      'group.durability': ({ metadata }, { name }) => metadata.groups.set({ name, durability: 'none' as never }),
    },
    repeat: 'same',
  },
  {
    path: 'metadata.groups.list',
    arrange: ({ metadata }, { name }) => metadata.groups.set({ name }),
    call: async ({ metadata }) => (await metadata.groups.list()).map(({ name }) => name),
    bad: {},
  },
  {
    path: 'metadata.groups.get',
    arrange: ({ metadata }, { name }) => metadata.groups.set({ name }),
    call: group,
    bad: { name: ({ metadata }) => metadata.groups.get('') },
  },
  {
    path: 'metadata.groups.delete',
    arrange: ({ metadata }, { name }) => metadata.groups.set({ name }),
    call: ({ metadata }, { name }) => metadata.groups.delete(name),
    read: group,
    bad: { name: ({ metadata }) => metadata.groups.delete('') },
    refused: {
      SYNC_GROUP_IN_USE: async ({ metadata }, { name }) => {
        await metadata.entities.create({ name: `in ${name}`, syncGroup: 'STATIC' })
        await metadata.groups.delete('STATIC')
      },
    },
    repeat: 'same',
  },
]

const ROLES: readonly StoreOperation[] = [
  {
    path: 'metadata.roles.grant',
    call: ({ metadata }, sample, options) => metadata.roles.grant(role(sample), options),
    read: roles,
    bad: {
      'roles[0].agentId': ({ metadata }, sample) => metadata.roles.grant({ ...role(sample), agentId: '' }),
      'roles[1].read': ({ metadata }, sample) =>
        metadata.roles.grant([role(sample), { ...role(sample), read: 1 as never }]),
    },
    refused: {
      SYNC_GROUP_UNKNOWN: ({ metadata }, sample) => metadata.roles.grant({ ...role(sample), syncGroup: 'nowhere' }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.roles.revoke',
    arrange: ({ metadata }, sample) => metadata.roles.grant(role(sample)),
    call: ({ metadata }, { name }, options) => metadata.roles.revoke(name, 'NORMAL', options),
    read: roles,
    bad: {
      agentId: ({ metadata }) => metadata.roles.revoke('', 'NORMAL'),
      syncGroup: ({ metadata }, { name }) => metadata.roles.revoke(name, ''),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.roles.list',
    arrange: ({ metadata }, sample) => metadata.roles.grant(role(sample)),
    call: roles,
    bad: { 'options.limit': ({ metadata }) => metadata.roles.list({ limit: 0 }) },
  },
]

const ENTITIES: readonly StoreOperation[] = [
  {
    path: 'metadata.entities.create',
    call: async ({ metadata }, { id, name }, options) => (await metadata.entities.create({ id, name }, options)).name,
    read: entity,
    bad: {
      'entities[0].name': ({ metadata }) => metadata.entities.create({ name: '' }),
      'entities[1].id': ({ metadata }, { id, name }) =>
        metadata.entities.create([
          { id, name },
          { id: 'x', name: 'b' },
        ]),
    },
    refused: {
      SYNC_GROUP_UNKNOWN: ({ metadata }, { id, name }) => metadata.entities.create({ id, name, syncGroup: 'nowhere' }),
      METADATA_ENTITY_EXISTS: async ({ metadata }, { name }) => {
        await metadata.entities.create({ name: `not ${name}` })
        await metadata.entities.create([{ name }, { name: `not ${name}` }])
      },
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.entities.get',
    arrange: create,
    call: async ({ metadata }, { name }, options) => (await metadata.entities.get(name, options))?.channel,
    bad: {
      'names[0]': ({ metadata }) => metadata.entities.get(''),
      'names[1]': ({ metadata }, { name }) => metadata.entities.get([name, '\0']),
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.entities.update',
    arrange: create,
    call: async ({ metadata }, { name }, options) =>
      (await metadata.entities.update({ name, loadPriority: 7, channel: null, syncGroup: 'REALTIME' }, options)).name,
    read: entity,
    bad: {
      'changes[0].rename': ({ metadata }, { name }) => metadata.entities.update({ name, rename: '' }),
      'changes[0].expireAfterUpdateMs': ({ metadata }, { name }) =>
        metadata.entities.update({ name, expireAfterUpdateMs: 0 }),
    },
    refused: {
      METADATA_ENTITY_UNKNOWN: ({ metadata }, { name }) =>
        metadata.entities.update([{ name, loadPriority: 2 }, { name: 'nobody' }]),
      SYNC_GROUP_UNKNOWN: ({ metadata }, { name }) => metadata.entities.update({ name, syncGroup: 'nowhere' }),
      METADATA_ENTITY_EXISTS: async ({ metadata }, { name }) => {
        await metadata.entities.create({ name: `not ${name}` })
        await metadata.entities.update({ name, rename: `not ${name}` })
      },
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.entities.delete',
    arrange: made,
    call: ({ metadata }, { name }, options) => metadata.entities.delete(name, options),
    read: entity,
    bad: {
      'names[0]': ({ metadata }) => metadata.entities.delete(''),
      'names[1]': ({ metadata }, { name }) => metadata.entities.delete([name, '']),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.entities.list',
    arrange: create,
    call: async ({ metadata }, _, options) =>
      (await metadata.entities.list({ group: 'NORMAL', channel: 'c', ...options })).map(({ name }) => name),
    bad: {
      'options.group': ({ metadata }) => metadata.entities.list({ group: '' }),
      'options.limit': ({ metadata }) => metadata.entities.list({ group: 'NORMAL', limit: 0 }),
    },
    refused: { SYNC_GROUP_UNKNOWN: ({ metadata }) => metadata.entities.list({ group: 'nowhere' }) },
    aborts: true,
  },
]

const ENTRIES: readonly StoreOperation[] = [
  {
    path: 'metadata.set',
    arrange: create,
    call: ({ metadata }, { name }, options) => metadata.set({ entity: name, key: 'k', value: { name } }, options),
    read: value,
    bad: {
      'write.entity': ({ metadata }) => metadata.set({ entity: '', key: 'k', value: 1 }),
      'write.key': ({ metadata }, { name }) => metadata.set({ entity: name, key: '', value: 1 }),
      'write.value': ({ metadata }, { name }) => metadata.set({ entity: name, key: 'k', value: Number.NaN }),
      'write.type': ({ metadata }, { name }) =>
        metadata.set({ entity: name, key: 'k', value: 1, type: ['integer', 'text'] as never }),
      'write.ttlMs': ({ metadata }, { name }) => metadata.set({ entity: name, key: 'k', value: 1, ttlMs: 0 }),
    },
    refused: {
      METADATA_ENTITY_UNKNOWN: ({ metadata }) => metadata.set({ entity: 'nobody', key: 'k', value: 1 }),
      QUOTA_EXCEEDED: ({ metadata }, { name }) => metadata.set({ entity: name, key: 'k', value: 'x'.repeat(70_000) }),
      VERSION_CONFLICT: ({ metadata }, { name }) =>
        metadata.set({ entity: name, key: 'k', value: 1, expectedVersion: 9 }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
    expires: 'metadata.entries',
  },
  {
    path: 'metadata.setMany',
    arrange: madeVolatile,
    call: ({ metadata }, { name }, options) =>
      metadata.setMany(
        ['k', 'l'].map((key) => ({ entity: name, key, value: `${name} ${key}` })),
        options,
      ),
    read: values,
    bad: {
      'writes[1].value': ({ metadata }, { name }) =>
        metadata.setMany([
          { entity: name, key: 'k', value: 1 },
          { entity: name, key: 'l', value: undefined as never },
        ]),
      'writes[1].key': ({ metadata }, { name }) =>
        metadata.setMany([
          { entity: name, key: 'k', value: 1 },
          { entity: name, key: 'k', value: 2 },
        ]),
    },
    refused: {
      METADATA_ENTITY_UNKNOWN: ({ metadata }, { name }) =>
        metadata.setMany([
          { entity: name, key: 'k', value: 1 },
          { entity: 'nobody', key: 'k', value: 1 },
        ]),
      QUOTA_EXCEEDED: ({ metadata }, { name }) =>
        metadata.setMany([
          { entity: name, key: 'x'.repeat(201), value: 1 },
          { entity: name, key: 'k', value: 1 },
        ]),
      VERSION_CONFLICT: ({ metadata }, { name }) =>
        metadata.setMany([
          { entity: name, key: 'k', value: 1 },
          { entity: name, key: 'l', value: 1, expectedVersion: 5 },
        ]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
    expires: 'metadata.volatile_entries',
  },
  {
    path: 'metadata.delete',
    arrange: made,
    call: ({ metadata }, { name }, options) => metadata.delete({ entity: name, key: 'k' }, options),
    read: value,
    bad: {
      'deletion.key': ({ metadata }, { name }) => metadata.delete({ entity: name, key: '' }),
      'deletion.value': ({ metadata }, { name }) => metadata.delete({ entity: name, key: 'k', value: 1 } as never),
    },
    refused: {
      METADATA_ENTITY_UNKNOWN: ({ metadata }) => metadata.delete({ entity: 'nobody', key: 'k' }),
      VERSION_CONFLICT: ({ metadata }, { name }) => metadata.delete({ entity: name, key: 'k', expectedVersion: 9 }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.deleteMany',
    arrange: made,
    call: ({ metadata }, { name }, options) =>
      metadata.deleteMany(
        ['k', 'l'].map((key) => ({ entity: name, key })),
        options,
      ),
    read: values,
    bad: {
      'deletions[1].key': ({ metadata }, { name }) =>
        metadata.deleteMany([
          { entity: name, key: 'k' },
          { entity: name, key: 'k' },
        ]),
    },
    refused: {
      METADATA_ENTITY_UNKNOWN: ({ metadata }, { name }) =>
        metadata.deleteMany([
          { entity: name, key: 'k' },
          { entity: 'nobody', key: 'k' },
        ]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.get',
    arrange: made,
    call: async ({ metadata }, { name }, options) => (await metadata.get({ entity: name, key: 'k' }, options))?.value,
    bad: { 'key.key': ({ metadata }, { name }) => metadata.get({ entity: name, key: '' }) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.getMany',
    arrange: made,
    call: async ({ metadata }, { name }, options) =>
      (await metadata.getMany([{ entity: name, key: 'k' }], options)).map((entry) => entry?.value),
    bad: { 'keys[0].entity': ({ metadata }) => metadata.getMany([{ entity: '', key: 'k' }]) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.getEntities',
    arrange: made,
    call: async ({ metadata }, { name }, options) =>
      (await metadata.getEntities([name], options)).map((found) => found?.entries.map(({ value }) => value)),
    bad: { 'names[0]': ({ metadata }) => metadata.getEntities(['']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'metadata.list',
    arrange: made,
    call: async ({ metadata }, _, options) =>
      (await metadata.list({ group: 'NORMAL', ...options })).map(({ name, entries }) => [name, entries.length]),
    bad: { 'options.after': ({ metadata }) => metadata.list({ group: 'NORMAL', after: 1 as never }) },
    refused: { SYNC_GROUP_UNKNOWN: ({ metadata }) => metadata.list({ group: 'nowhere' }) },
    aborts: true,
  },
]

const UPKEEP: readonly StoreOperation[] = [
  {
    path: 'metadata.mergeVolatile',
    arrange: async (place, sample) => {
      await madeVolatile(place, sample)
      await place.metadata.set({ entity: sample.name, key: 'k', value: 1 })
    },
    call: ({ metadata }, _, options) => metadata.mergeVolatile(options),
    read: async (place) => [await rows(place, 'volatile_entries'), await rows(place, 'entries')],
    bad: { 'options.rowsMax': ({ metadata }) => metadata.mergeVolatile({ rowsMax: 0 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'metadata.deleteExpired',
    arrange: async (place, sample) => {
      await made(place, sample)
      await place.metadata.entities.create({ name: `${sample.name} old`, expireAfterCreationMs: 1000 })
      await place.sql(
        `update metadata.entities set created_at = now() - interval '1 day' where tenant_id = $1 and name like '% old'`,
        [place.tenant],
      )
    },
    call: ({ metadata }, _, options) => metadata.deleteExpired(options),
    read: (place) => rows(place, 'entities'),
    bad: { 'options.rowsMax': ({ metadata }) => metadata.deleteExpired({ rowsMax: 0 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'metadata.forgetTombstones',
    arrange: async (place, sample) => {
      await made(place, sample)
      await place.metadata.delete({ entity: sample.name, key: 'k' })
      await place.sql('delete from metadata.changes where tenant_id = $1', [place.tenant])
      await place.sql(
        `update metadata.entries set expires_at = now() - interval '1 second' where tenant_id = $1 and is_deleted`,
        [place.tenant],
      )
    },
    call: ({ metadata }, _, options) => metadata.forgetTombstones(options),
    read: (place) => rows(place, 'entries'),
    bad: { 'options.rowsMax': ({ metadata }) => metadata.forgetTombstones({ rowsMax: 0 }) },
    repeat: 'same',
    aborts: true,
  },
]

export const METADATA: readonly StoreOperation[] = [...GROUPS, ...ROLES, ...ENTITIES, ...ENTRIES, ...UPKEEP]
