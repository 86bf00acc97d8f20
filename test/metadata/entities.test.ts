import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'
import { changesOf } from './support.js'

const fleet = useFleet()

test('a new tenant has four groups', async () => {
  const { metadata } = await newTenant(fleet())
  expect((await metadata.groups.list()).map(({ name, tickMs, ticksKept }) => [name, tickMs, ticksKept])).toEqual([
    ['BACKGROUND', 200, 10],
    ['NORMAL', 50, 20],
    ['REALTIME', 20, 50],
    ['STATIC', 500, 5],
  ])
  expect(
    (await metadata.groups.list()).every(({ durability, isEnabled }) => durability === 'durable' && isEnabled),
  ).toBe(true)
})

test('a group keeps what a change leaves out', async () => {
  const { metadata } = await newTenant(fleet())
  await metadata.groups.set({ name: 'FAST', tickMs: 10, description: 'quick' })
  expect(await metadata.groups.set({ name: 'FAST', durability: 'async' })).toMatchObject({
    tickMs: 10,
    ticksKept: 20,
    durability: 'async',
    description: 'quick',
  })
  expect((await metadata.groups.set({ name: 'FAST', description: null })).description).toBeNull()
  expect(await metadata.groups.delete('FAST')).toBe(true)
  expect(await metadata.groups.delete('FAST')).toBe(false)
})

test('a group is deleted with its roles, and not while entities are in it', async () => {
  const { metadata, id } = await newTenant(fleet())
  await metadata.groups.set({ name: 'G' })
  await metadata.roles.grant({ agentId: 'ann', syncGroup: 'G' })
  await metadata.entities.create({ name: 'lamp', syncGroup: 'G' })
  expect((await failure(metadata.groups.delete('G'), 'SYNC_GROUP_IN_USE')).field).toBe('name')
  await metadata.entities.update({ name: 'lamp', syncGroup: 'STATIC' })
  expect(await metadata.groups.delete('G')).toBe(true)
  expect(await metadata.roles.list()).toEqual([])
  expect((await changesOf(fleet(), id)).at(-1)).toMatchObject({ sync_group: 'G', kind: 'roles', agent_ids: ['ann'] })
})

describe('entities', () => {
  test('are created once by their id', async () => {
    const { metadata, id: tenant } = await newTenant(fleet())
    const id = uuidv7()
    const first = await metadata.entities.create({ id, name: 'lamp', syncGroup: 'REALTIME', channel: 'hall' })
    expect(first).toMatchObject({ id, name: 'lamp', syncGroup: 'REALTIME', channel: 'hall', loadPriority: 1 })
    expect(await metadata.entities.create({ id, name: 'lamp', syncGroup: 'REALTIME', channel: 'hall' })).toEqual(first)
    await metadata.entities.update({ name: 'lamp', rename: 'light' })
    expect(await metadata.entities.create({ id, name: 'lamp' })).toMatchObject({ id, name: 'light' })
    const other = await failure(metadata.entities.create({ name: 'light' }), 'METADATA_ENTITY_EXISTS')
    expect(other.field).toBe('entities[0].name')
    const logged = await changesOf(fleet(), tenant)
    expect(logged.map(({ kind, names }) => [kind, names])).toEqual([
      ['entities', ['lamp']],
      // Under its old name it has left, under its new one it has come.
      ['entities', ['lamp']],
      ['entities', ['light']],
    ])
  })

  test('of one call are created all or none', async () => {
    const { metadata } = await newTenant(fleet())
    await metadata.entities.create({ name: 'taken' })
    await failure(metadata.entities.create([{ name: 'a' }, { name: 'taken' }]), 'METADATA_ENTITY_EXISTS')
    await failure(metadata.entities.create([{ name: 'b' }, { name: 'b' }]), 'METADATA_ENTITY_EXISTS')
    expect((await metadata.entities.list({ group: 'NORMAL' })).map(({ name }) => name)).toEqual(['taken'])
  })

  test('of one name at the same moment: one is made', async () => {
    const { metadata } = await newTenant(fleet())
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => metadata.entities.create({ name: 'lamp' })))
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(
      asked.filter((one) => one.status === 'rejected').every(({ reason }) => reason.code === 'METADATA_ENTITY_EXISTS'),
    ).toBe(true)
  })

  test('keep their metadata when they are renamed and moved; both groups are told', async () => {
    const { metadata, id } = await newTenant(fleet())
    const [lamp] = await metadata.entities.create([{ name: 'lamp', channel: 'hall' }, { name: 'door' }])
    await metadata.set({ entity: 'lamp', key: 'on', value: true })
    const moved = await metadata.entities.update({
      name: 'lamp',
      rename: 'light',
      syncGroup: 'REALTIME',
      channel: null,
    })
    expect(moved).toMatchObject({ id: lamp?.id, name: 'light', syncGroup: 'REALTIME', channel: null })
    expect(await metadata.get({ entity: 'lamp', key: 'on' })).toBeUndefined()
    expect(await metadata.get({ entity: 'light', key: 'on' })).toMatchObject({ value: true, version: 1 })
    expect(await metadata.set({ entity: 'light', key: 'on', value: false })).toBe(2)
    const logged = await changesOf(fleet(), id)
    expect(logged.slice(-3).map(({ sync_group, kind, names }) => [sync_group, kind, names])).toEqual([
      ['NORMAL', 'entities', ['lamp']],
      ['REALTIME', 'entities', ['light']],
      ['REALTIME', 'entries', ['light']],
    ])
    await failure(metadata.entities.update({ name: 'light', rename: 'door' }), 'METADATA_ENTITY_EXISTS')
  })

  test('changes of one call count all or none, and apply one after the other', async () => {
    const { metadata } = await newTenant(fleet())
    await metadata.entities.create([{ name: 'a' }, { name: 'b' }])
    await metadata.entities.update([
      { name: 'a', rename: 'c' },
      { name: 'b', rename: 'a' },
      { name: 'c', rename: 'b' },
    ])
    await failure(
      metadata.entities.update([{ name: 'a', loadPriority: 9 }, { name: 'nobody' }]),
      'METADATA_ENTITY_UNKNOWN',
    )
    expect((await metadata.entities.get('a'))?.loadPriority).toBe(1)
  })

  test('are deleted with all their metadata; one of the same name begins anew', async () => {
    const { metadata, id } = await newTenant(fleet())
    await metadata.entities.create([{ name: 'lamp', channel: 'hall' }, { name: 'door' }])
    await metadata.set({ entity: 'lamp', key: 'on', value: true })
    expect(await metadata.entities.delete(['lamp', 'nobody', 'lamp'])).toEqual([true, false, false])
    expect(await metadata.entities.get('lamp')).toBeUndefined()
    expect(await sql(fleet(), 'select 1 from metadata.entries where tenant_id = $1', [id])).toEqual([])
    expect((await changesOf(fleet(), id)).at(-1)).toMatchObject({
      sync_group: 'NORMAL',
      kind: 'entities',
      names: ['lamp'],
      channels: ['hall'],
    })
    await failure(metadata.set({ entity: 'lamp', key: 'on', value: true }), 'METADATA_ENTITY_UNKNOWN')
    await metadata.entities.create({ name: 'lamp' })
    expect(await metadata.get({ entity: 'lamp', key: 'on' })).toBeUndefined()
    expect(await metadata.set({ entity: 'lamp', key: 'on', value: true })).toBe(1)
  })

  test('a write at the moment of a deletion is written or refused, never left behind', async () => {
    const { metadata, id } = await newTenant(fleet())
    for (let round = 0; round < 15; round++) {
      await metadata.entities.create({ name: 'lamp' })
      await metadata.set({ entity: 'lamp', key: 'old', value: 0 })
      const writes = ['old', 'new', 'newer'].map((key) =>
        metadata.set({ entity: 'lamp', key, value: round + 1 }).catch((error) => error.code),
      )
      const [, ...outcomes] = await Promise.all([metadata.entities.delete('lamp'), ...writes])
      for (const outcome of outcomes) expect([1, 2, 'METADATA_ENTITY_UNKNOWN']).toContain(outcome)
      expect(await sql(fleet(), 'select key from metadata.entries where tenant_id = $1', [id])).toEqual([])
    }
  })
})
