import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'
import { changesOf } from './support.js'

const fleet = useFleet()

test('a key is gone when its time is over, before anybody has removed it', async () => {
  const { metadata, id } = await newTenant(fleet())
  await metadata.entities.create({ name: 'lamp', channel: 'hall' })
  const key = { entity: 'lamp', key: 'k' }
  await metadata.set({ ...key, value: 1, ttlMs: 60_000 })
  const found = await metadata.get(key)
  expect(found?.expiresAt?.getTime()).toBe((found?.updatedAt.getTime() ?? 0) + 60_000)
  await sql(fleet(), `update metadata.entries set expires_at = now() - interval '1 ms' where tenant_id = $1`, [id])
  expect(await metadata.get(key)).toBeUndefined()
  expect((await metadata.getEntities(['lamp']))[0]?.entries).toEqual([])
  expect(await metadata.deleteExpired()).toEqual({ entries: 1, entities: 0 })
  expect(await metadata.deleteExpired()).toEqual({ entries: 0, entities: 0 })
  expect((await changesOf(fleet(), id)).at(-1)).toMatchObject({ kind: 'entries', keys: ['k'], channels: ['hall'] })
  expect(await metadata.set({ ...key, value: 1 })).toBe(3)
  expect((await metadata.get(key))?.expiresAt).toBeNull()
})

test('a deadline moves in steps: a write that changes little else writes nothing', async () => {
  const { metadata } = await newTenant(fleet())
  await metadata.entities.create({ name: 'lamp' })
  const key = { entity: 'lamp', key: 'k', value: 1 }
  expect(await metadata.set({ ...key, ttlMs: 100_000 })).toBe(1)
  expect(await metadata.set({ ...key, ttlMs: 100_000 })).toBe(1)
  expect(await metadata.set({ ...key, ttlMs: 105_000 })).toBe(1)
  expect(await metadata.set({ ...key, ttlMs: 200_000 })).toBe(2)
  expect(await metadata.set(key)).toBe(3)
  expect(await metadata.set({ ...key, ttlMs: 200_000 })).toBe(4)
})

test('in a volatile group, too, with what is pending counted', async () => {
  const { metadata, id } = await newTenant(fleet())
  await metadata.groups.set({ name: 'V', durability: 'volatile' })
  await metadata.entities.create({ name: 'lamp', syncGroup: 'V' })
  const key = { entity: 'lamp', key: 'k' }
  await metadata.set({ ...key, value: 1, ttlMs: 60_000 })
  await metadata.mergeVolatile()
  await sql(fleet(), `update metadata.entries set expires_at = now() - interval '1 ms' where tenant_id = $1`, [id])
  expect(await metadata.get(key)).toBeUndefined()
  // A pending write is newer than what has expired beneath it.
  expect(await metadata.set({ ...key, value: 2 })).toBe(2)
  expect(await metadata.deleteExpired()).toEqual({ entries: 0, entities: 0 })
  expect((await metadata.get(key))?.value).toBe(2)
  await metadata.mergeVolatile()
  await sql(fleet(), `update metadata.entries set expires_at = now() - interval '1 ms' where tenant_id = $1`, [id])
  expect(await metadata.deleteExpired()).toEqual({ entries: 1, entities: 0 })
  expect(await metadata.set({ ...key, value: 3 })).toBe(4)
})

test('entities: so long after their creation, or after their last change or their newest entry', async () => {
  const { metadata, id } = await newTenant(fleet())
  await metadata.entities.create([
    { name: 'aged', expireAfterCreationMs: 60_000 },
    { name: 'idle', expireAfterUpdateMs: 60_000 },
    { name: 'busy', expireAfterUpdateMs: 60_000 },
    { name: 'stays' },
  ])
  for (const entity of ['aged', 'idle', 'busy']) await metadata.set({ entity, key: 'k', value: 1 })
  await sql(
    fleet(),
    `update metadata.entities set created_at = now() - interval '2 minutes', updated_at = now() - interval '2 minutes' where tenant_id = $1`,
    [id],
  )
  await sql(
    fleet(),
    `update metadata.entries e set updated_at = now() - interval '2 minutes' from metadata.entities n
    where n.entity_id = e.entity_id and e.tenant_id = $1 and n.name = 'idle'`,
    [id],
  )
  for (const entity of ['aged', 'idle']) {
    expect(await metadata.entities.get(entity)).toBeUndefined()
    expect(await metadata.get({ entity, key: 'k' })).toBeUndefined()
    await failure(metadata.set({ entity, key: 'k', value: 2 }), 'METADATA_ENTITY_UNKNOWN')
    await failure(metadata.entities.update({ name: entity, loadPriority: 2 }), 'METADATA_ENTITY_UNKNOWN')
  }
  expect((await metadata.entities.list({ group: 'NORMAL' })).map(({ name }) => name)).toEqual(['busy', 'stays'])
  expect(await metadata.set({ entity: 'busy', key: 'k', value: 2 })).toBe(2)
  // A new one of the name of one that is over.
  expect((await metadata.entities.create({ name: 'idle' })).expireAfterUpdateMs).toBeNull()
  expect(await metadata.deleteExpired()).toEqual({ entries: 0, entities: 1 })
  expect((await changesOf(fleet(), id)).at(-1)).toMatchObject({ kind: 'entities', names: ['aged'] })
  expect((await metadata.entities.list({ group: 'NORMAL' })).map(({ name }) => name)).toEqual(['busy', 'idle', 'stays'])
})

test.each(['durable', 'volatile'] as const)('no entity expires that is being written, %s', async (durability) => {
  const { metadata, id } = await newTenant(fleet())
  await metadata.groups.set({ name: 'G', durability })
  const LIFE = 3000
  await metadata.entities.create({ name: 'lamp', syncGroup: 'G', expireAfterUpdateMs: LIFE })
  let worstGap = 0
  let last = performance.now()
  let writing = true
  let refused = 0
  const upkeep = (async () => {
    while (writing) {
      await metadata.deleteExpired()
      await metadata.mergeVolatile()
      await sleep(5)
    }
  })()
  for (let n = 0; n < 120; n++) {
    // Its own time stands still: nothing but the entries keeps it.
    await sql(
      fleet(),
      `update metadata.entities set updated_at = now() - interval '1 hour' where tenant_id = $1 and updated_by is null and $2 > 0`,
      [id, n],
    )
    await metadata.set({ entity: 'lamp', key: `k${n % 3}`, value: n }).catch(() => refused++)
    worstGap = Math.max(worstGap, performance.now() - last)
    last = performance.now()
  }
  writing = false
  await upkeep
  // On a machine that stood still for as long as the entity lives, it may well be gone.
  if (worstGap < LIFE / 2) {
    expect(refused).toBe(0)
    expect(await metadata.entities.get('lamp')).toBeDefined()
  }
})

test('what has expired is removed in steps', async () => {
  const { metadata, id } = await newTenant(fleet())
  await metadata.entities.create({ name: 'lamp' })
  await metadata.setMany(
    Array.from({ length: 25 }, (_, n) => ({ entity: 'lamp', key: `k${n}`, value: n, ttlMs: 1000 })),
  )
  await sql(fleet(), `update metadata.entries set expires_at = now() - interval '1 ms' where tenant_id = $1`, [id])
  expect((await metadata.deleteExpired({ rowsMax: 10 })).entries).toBe(10)
  expect((await metadata.deleteExpired({ rowsMax: 10 })).entries).toBe(10)
  expect((await metadata.deleteExpired({ rowsMax: 10 })).entries).toBe(5)
})
