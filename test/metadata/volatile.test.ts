import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newTenant, sql, useFleet } from '../setup/tenant.js'
import { asAgent } from './support.js'

const fleet = useFleet()

async function withVolatile() {
  const tenant = await newTenant(fleet())
  await tenant.metadata.groups.set({ name: 'V', durability: 'volatile' })
  await tenant.metadata.entities.create([
    { name: 'a', syncGroup: 'V' },
    { name: 'b', syncGroup: 'V' },
  ])
  const count = async (table: string) =>
    (await sql(fleet(), `select 1 from metadata.${table} where tenant_id = $1`, [tenant.id])).length
  return { tenant, metadata: tenant.metadata, count }
}

test('a volatile write is read at once, and merged once', async () => {
  const { metadata, count } = await withVolatile()
  const key = { entity: 'a', key: 'k' }
  expect(await metadata.set({ ...key, value: 1 })).toBe(1)
  expect([await count('volatile_entries'), await count('entries')]).toEqual([1, 0])
  expect(await metadata.get(key)).toMatchObject({ value: 1, version: 1 })
  expect((await metadata.list({ group: 'V' }))[0]?.entries).toMatchObject([{ key: 'k', value: 1 }])
  expect(await metadata.mergeVolatile()).toEqual({ merged: 1, dropped: 0 })
  expect(await metadata.mergeVolatile()).toEqual({ merged: 0, dropped: 0 })
  expect([await count('volatile_entries'), await count('entries')]).toEqual([0, 1])
  expect(await metadata.get(key)).toMatchObject({ value: 1, version: 1 })
  // The one that is pending counts, not the one beneath it.
  expect(await metadata.set({ ...key, value: 2 })).toBe(2)
  expect(await metadata.get(key)).toMatchObject({ value: 2, version: 2 })
  expect(await metadata.delete(key)).toBe(true)
  expect(await metadata.get(key)).toBeUndefined()
  expect((await metadata.getEntities(['a']))[0]?.entries).toEqual([])
  expect(await metadata.set({ ...key, value: 3, expectedVersion: 0 })).toBe(4)
  await metadata.mergeVolatile()
  expect(await metadata.get(key)).toMatchObject({ value: 3, version: 4 })
})

test('a write may ask for more, and takes what was pending of its key with it', async () => {
  const { metadata, count } = await withVolatile()
  const key = { entity: 'a', key: 'k' }
  await metadata.set({ ...key, value: 1 })
  await metadata.set({ entity: 'a', key: 'other', value: 1 })
  expect(await metadata.set({ ...key, value: 2, durability: 'durable' })).toBe(2)
  expect([await count('volatile_entries'), await count('entries')]).toEqual([1, 1])
  expect(await metadata.get(key)).toMatchObject({ value: 2, version: 2 })
  expect(await metadata.delete({ ...key, durability: 'async' })).toBe(true)
  expect(await metadata.get(key)).toBeUndefined()
  expect(await count('volatile_entries')).toBe(1)
})

test('a merge drops what belongs to no entity, and merges the rest', async () => {
  const { tenant, metadata, count } = await withVolatile()
  await metadata.setMany(['x', 'y', 'z'].map((key) => ({ entity: 'b', key, value: key })))
  await sql(
    fleet(),
    `insert into metadata.volatile_entries (tenant_id, entity_id, key, version, updated_at, text_value)
    values ($1, gen_random_uuid(), 'lost', 1, now(), 'x'), ($1, gen_random_uuid(), 'lost', 1, now(), 'x')`,
    [tenant.id],
  )
  expect(await metadata.mergeVolatile({ rowsMax: 2 })).toEqual({ merged: 3, dropped: 2 })
  expect([await count('volatile_entries'), await count('entries')]).toEqual([0, 3])
})

test('a group that is made durable, or an entity moved out of a volatile one, goes on with what is pending', async () => {
  const { metadata, count } = await withVolatile()
  for (const entity of ['a', 'b']) {
    await metadata.set({ entity, key: 'k', value: 1 })
    await metadata.set({ entity, key: 'k', value: 2 })
  }
  await metadata.entities.update({ name: 'a', syncGroup: 'NORMAL' })
  expect(await metadata.get({ entity: 'a', key: 'k' })).toMatchObject({ value: 2, version: 2 })
  expect(await metadata.set({ entity: 'a', key: 'k', value: 3 })).toBe(3)
  await metadata.groups.set({ name: 'V', durability: 'durable' })
  expect(await metadata.set({ entity: 'b', key: 'k', value: 2 })).toBe(2)
  expect(await metadata.set({ entity: 'b', key: 'k', value: 3 })).toBe(3)
  expect([await count('volatile_entries'), await count('entries')]).toEqual([0, 2])
})

test('roles hold for pending keys: one that is pending is updated, one whose deletion is pending is inserted', async () => {
  const { tenant, metadata } = await withVolatile()
  await metadata.roles.grant([
    { agentId: 'makes', syncGroup: 'V', insert: true },
    { agentId: 'changes', syncGroup: 'V', update: true, delete: true },
  ])
  const [makes, changes] = [asAgent(tenant, 'makes'), asAgent(tenant, 'changes')]
  const key = { entity: 'a', key: 'k' }
  const code = (call: Promise<unknown>) =>
    call.then(
      () => 'ok',
      (error) => error.code,
    )
  expect(await code(changes.set({ ...key, value: 1 }))).toBe('PERMISSION_DENIED')
  expect(await code(makes.set({ ...key, value: 1 }))).toBe('ok')
  expect(await code(makes.set({ ...key, value: 2 }))).toBe('PERMISSION_DENIED')
  expect(await code(changes.set({ ...key, value: 2 }))).toBe('ok')
  await metadata.mergeVolatile()
  expect(await code(changes.delete(key))).toBe('ok')
  expect(await code(changes.set({ ...key, value: 3 }))).toBe('PERMISSION_DENIED')
  expect(await code(makes.set({ ...key, value: 3 }))).toBe('ok')
})

test('whatever is done in whatever order, reads see the last write and versions grow by one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          what: fc.constantFrom('set', 'set', 'set', 'strong', 'delete', 'merge', 'cas', 'move', 'expired'),
          key: fc.nat(2),
          value: fc.nat(2),
        }),
        { minLength: 1, maxLength: 25 },
      ),
      async (steps) => {
        const { metadata } = await withVolatile()
        const model = new Map<string, { version: number; value: number | undefined }>()
        let group = 'V'
        for (const { what, key: n, value } of steps) {
          const key = { entity: 'a', key: `k${n}` }
          const now = model.get(key.key) ?? { version: 0, value: undefined }
          if (what === 'merge') await metadata.mergeVolatile({ rowsMax: 2 })
          else if (what === 'expired') await metadata.deleteExpired()
          else if (what === 'move') {
            group = group === 'V' ? 'NORMAL' : 'V'
            await metadata.entities.update({ name: 'a', syncGroup: group })
          } else if (what === 'delete') {
            expect(await metadata.delete(key)).toBe(now.value !== undefined)
            if (now.value !== undefined) model.set(key.key, { version: now.version + 1, value: undefined })
          } else {
            const more =
              what === 'strong'
                ? { durability: 'durable' as const }
                : what === 'cas'
                  ? { expectedVersion: now.value === undefined ? 0 : now.version }
                  : {}
            // An expected version always counts as a write.
            const changes = now.value !== value || what === 'cas'
            const next = { version: now.version + (changes ? 1 : 0), value }
            expect(await metadata.set({ ...key, value, ...more })).toBe(next.version)
            model.set(key.key, next)
          }
          const found = await metadata.getMany(['k0', 'k1', 'k2'].map((each) => ({ entity: 'a', key: each })))
          for (const [place, entry] of found.entries()) {
            const expected = model.get(`k${place}`)
            expect(entry?.value).toBe(expected?.value)
            if (entry !== undefined) expect(entry.version).toBe(expected?.version)
          }
        }
      },
    ),
    { numRuns: 40 },
  )
})
