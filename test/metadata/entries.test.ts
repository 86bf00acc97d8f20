import fc from 'fast-check'
import type { EntryWrite } from 'pgfleet/metadata'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'
import { changesOf } from './support.js'

const fleet = useFleet()
/** A tenant with an entity. */
async function withEntity(name = 'lamp') {
  const tenant = await newTenant(fleet())
  await tenant.metadata.entities.create({ name })
  return { tenant, metadata: tenant.metadata, at: (key: string) => ({ entity: name, key }) }
}

describe('values', () => {
  test.each([
    ['text', 'some', 'text'],
    ['an empty text', '', 'text'],
    ['true', true, 'boolean'],
    ['false', false, 'boolean'],
    ['a whole number', 7, 'integer'],
    ['a large bigint', 2n ** 62n, 'integer'],
    ['the least bigint', -(2n ** 63n), 'integer'],
    ['a fraction', 0.1, 'float'],
    ['a number too large to be whole', 1e300, 'float'],
    ['an object', { a: [1, null, 'x'] }, 'json'],
    ['an array', [], 'json'],
    ['null', null, 'json'],
    ['bytes', Buffer.from(Array.from({ length: 300 }, (_, i) => i & 255)), 'bytes'],
    ['no bytes', Buffer.alloc(0), 'bytes'],
  ] as const)('%s comes back as it was', async (_, value, type) => {
    const { metadata, at } = await withEntity()
    expect(await metadata.set({ ...at('k'), value })).toBe(1)
    expect(await metadata.get(at('k'))).toMatchObject({ ...at('k'), value, type, version: 1, expiresAt: null })
    expect((await metadata.getEntities(['lamp']))[0]?.entries).toMatchObject([{ ...at('k'), value, type }])
    // The same again writes nothing.
    expect(await metadata.set({ ...at('k'), value })).toBe(1)
  })

  test('a bigint that a number can hold comes back as a number', async () => {
    const { metadata, at } = await withEntity()
    await metadata.set({ ...at('k'), value: 5n })
    expect((await metadata.get(at('k')))?.value).toBe(5)
  })

  test('any JSON, and any number, comes back as it was', async () => {
    const { metadata, at } = await withEntity()
    let n = 0
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json().map((json) => ({ value: JSON.parse(json), type: 'json' as const })),
          fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => ({ value, type: 'float' as const })),
          fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ value, type: 'integer' as const })),
          fc.uint8Array({ maxLength: 200 }).map((value) => ({ value: Buffer.from(value), type: 'bytes' as const })),
        ),
        async ({ value, type }) => {
          const key = at(`k${n++}`)
          await metadata.set({ ...key, value, type } as EntryWrite)
          const found = await metadata.get(key)
          const expected = typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
          // JSON knows no negative zero.
          if (type === 'json') expect(found?.value).toEqual(JSON.parse(JSON.stringify(value)))
          else expect(found?.value).toEqual(expected)
        },
      ),
      { numRuns: 150 },
    )
  })

  test.each([
    ['no number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['nothing', undefined],
    ['a date', new Date()],
    ['a NUL character', 'a\0b'],
    ['beyond 64 bits', 2n ** 63n],
    ['more than 1 MiB', 'x'.repeat(1024 * 1024 + 1)],
  ])('%s is refused', async (_, value) => {
    const { metadata, at } = await withEntity()
    const error = await failure(metadata.set({ ...at('k'), value: value as never }), 'INPUT_INVALID')
    expect(error.field).toBe('write.value')
    expect(await metadata.get(at('k'))).toBeUndefined()
  })

  test.each([
    ['integer', 'x'],
    ['integer', 1.5],
    ['text', 1],
    ['boolean', 0],
    ['float', '1'],
    ['bytes', [1]],
  ] as const)('a value that is not of the type %s is refused', async (type, value) => {
    const { metadata, at } = await withEntity()
    await failure(metadata.set({ ...at('k'), value: value as never, type }), 'INPUT_INVALID')
  })
})

describe('versions', () => {
  test('grow by one a write, go on after a deletion, and stay when nothing changes', async () => {
    const { tenant, metadata, at } = await withEntity()
    expect(await metadata.set({ ...at('k'), value: 1 })).toBe(1)
    expect(await metadata.set({ ...at('k'), value: 2 })).toBe(2)
    expect(await metadata.set({ ...at('k'), value: 2 })).toBe(2)
    expect(await metadata.set({ ...at('k'), value: '2' })).toBe(3)
    expect(await metadata.delete(at('k'))).toBe(true)
    expect(await metadata.delete(at('k'))).toBe(false)
    expect(await metadata.get(at('k'))).toBeUndefined()
    expect(await metadata.set({ ...at('k'), value: '2' })).toBe(5)
    const logged = (await changesOf(fleet(), tenant.id)).filter(({ kind }) => kind === 'entries')
    expect(logged).toHaveLength(5)
    expect(logged[0]).toMatchObject({ sync_group: 'NORMAL', names: ['lamp'], channels: [null], keys: ['k'] })
  })

  test('a tombstone that was forgotten leaves its version behind', async () => {
    const { tenant, metadata, at } = await withEntity()
    await metadata.set({ ...at('k'), value: 1 })
    await metadata.delete(at('k'))
    expect(await metadata.forgetTombstones()).toBe(0)
    await sql(fleet(), `update metadata.entries set expires_at = now() - interval '1 hour' where tenant_id = $1`, [
      tenant.id,
    ])
    // The log still reaches back to before the deletion.
    await sql(fleet(), `update metadata.changes set recorded_at = now() - interval '4 hours' where tenant_id = $1`, [
      tenant.id,
    ])
    expect(await metadata.forgetTombstones()).toBe(0)
    await sql(fleet(), 'delete from metadata.changes where tenant_id = $1', [tenant.id])
    expect(await metadata.forgetTombstones()).toBe(1)
    expect(await sql(fleet(), 'select 1 from metadata.entries where tenant_id = $1', [tenant.id])).toEqual([])
    expect(await metadata.set({ ...at('k'), value: 1 })).toBe(3)
    expect(await metadata.set({ ...at('other'), value: 1 })).toBe(3)
  })

  test('an expected version that is not there is told the present one, and changes nothing', async () => {
    const { metadata, at } = await withEntity()
    expect(await metadata.set({ ...at('k'), value: 1, expectedVersion: 0 })).toBe(1)
    const error = await failure(metadata.set({ ...at('k'), value: 2, expectedVersion: 0 }), 'VERSION_CONFLICT')
    expect(error).toMatchObject({ field: 'write.expectedVersion', details: { present: 1, expected: 0 } })
    expect(await metadata.set({ ...at('k'), value: 2, expectedVersion: 1 })).toBe(2)
    await failure(metadata.delete({ ...at('k'), expectedVersion: 1 }), 'VERSION_CONFLICT')
    expect(await metadata.delete({ ...at('k'), expectedVersion: 2 })).toBe(true)
    const gone = await failure(metadata.set({ ...at('k'), value: 2, expectedVersion: 3 }), 'VERSION_CONFLICT')
    expect(gone.details.present).toBe(0)
    expect(await metadata.set({ ...at('k'), value: 2, expectedVersion: 0 })).toBe(4)
  })

  test('of many who expect the same version one wins, and the others are told its version', async () => {
    const { metadata, at } = await withEntity()
    await metadata.set({ ...at('k'), value: 0 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => metadata.set({ ...at('k'), value: n + 1, expectedVersion: 1 })),
    )
    const won = outcomes.filter(({ status }) => status === 'fulfilled')
    expect(won).toHaveLength(1)
    const lost = outcomes.filter((one) => one.status === 'rejected').map(({ reason }) => reason)
    expect(lost.every(({ code, details }) => code === 'VERSION_CONFLICT' && details.present === 2)).toBe(true)
    expect((await metadata.get(at('k')))?.version).toBe(2)
  })

  test('counting by compare-and-set loses nothing', async () => {
    const { metadata, at } = await withEntity()
    await metadata.set({ ...at('n'), value: 0 })
    const add = async () => {
      for (;;) {
        const found = await metadata.get(at('n'))
        const next = { ...at('n'), value: (found?.value as number) + 1, expectedVersion: found?.version as number }
        const done = await metadata.set(next).catch((error) => {
          if (error.code !== 'VERSION_CONFLICT') throw error
        })
        if (done !== undefined) return
      }
    }
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        for (let i = 0; i < 10; i++) await add()
      }),
    )
    expect(await metadata.get(at('n'))).toMatchObject({ value: 60, version: 61 })
  })
})

describe('calls of many', () => {
  test('all or none, whoever else travels with them', async () => {
    const { metadata, at } = await withEntity()
    const [many, one, stale] = await Promise.allSettled([
      metadata.setMany([
        { ...at('a'), value: 1 },
        { entity: 'nobody', key: 'a', value: 1 },
        { ...at('b'), value: 1 },
      ]),
      metadata.set({ ...at('c'), value: 1 }),
      metadata.setMany([
        { ...at('d'), value: 1 },
        { ...at('c'), value: 2, expectedVersion: 7 },
      ]),
    ])
    expect(many).toMatchObject({ reason: { code: 'METADATA_ENTITY_UNKNOWN', field: 'writes[1].entity' } })
    expect(one).toMatchObject({ value: 1 })
    expect(stale).toMatchObject({ reason: { code: 'VERSION_CONFLICT', field: 'writes[1].expectedVersion' } })
    expect((await metadata.getEntities(['lamp']))[0]?.entries.map(({ key }) => key)).toEqual(['c'])
  })

  test('a refused call does not stand before an earlier write of the same key', async () => {
    const { metadata, at } = await withEntity()
    await metadata.set({ ...at('a'), value: 0 })
    const [one, many] = await Promise.allSettled([
      metadata.set({ ...at('a'), value: 1 }),
      metadata.setMany([
        { ...at('a'), value: 2 },
        { entity: 'nobody', key: 'a', value: 1 },
      ]),
    ])
    expect(one).toMatchObject({ value: 2 })
    expect(many.status).toBe('rejected')
    expect((await metadata.get(at('a')))?.value).toBe(1)
  })

  test('deletions too', async () => {
    const { metadata, at } = await withEntity()
    await metadata.setMany([
      { ...at('a'), value: 1 },
      { ...at('b'), value: 1 },
    ])
    await failure(metadata.deleteMany([at('a'), { entity: 'nobody', key: 'a' }]), 'METADATA_ENTITY_UNKNOWN')
    expect(await metadata.deleteMany([at('a'), at('x'), at('b')])).toEqual([true, false, true])
    expect((await metadata.getEntities(['lamp']))[0]?.entries).toEqual([])
  })

  test('a thousand keys, and no more', async () => {
    const { metadata, at } = await withEntity()
    const writes = Array.from({ length: 1000 }, (_, n) => ({ ...at(`k${n}`), value: n }))
    expect(new Set(await metadata.setMany(writes))).toEqual(new Set([1]))
    const found = await metadata.getMany(writes.map(({ entity, key }) => ({ entity, key })))
    expect(found.map((entry) => entry?.value)).toEqual(writes.map(({ value }) => value))
    await failure(metadata.setMany([...writes, { ...at('more'), value: 1 }]), 'INPUT_INVALID')
  })
})

describe('quotas', () => {
  test('on the length of keys and the size of values', async () => {
    const { tenant, metadata, at } = await withEntity()
    await fleet().tenants.setQuotas(tenant.id, { metadata_key_length: 5, metadata_value_bytes: 10 })
    expect(await metadata.set({ ...at('12345'), value: '0123456789' })).toBe(1)
    const key = await failure(metadata.set({ ...at('123456'), value: 1 }), 'QUOTA_EXCEEDED')
    expect(key).toMatchObject({ field: 'write.key', details: { quota: 'metadata_key_length' } })
    const value = await failure(metadata.set({ ...at('12345'), value: '0123456789a' }), 'QUOTA_EXCEEDED')
    expect(value).toMatchObject({ field: 'write.value', details: { quota: 'metadata_value_bytes' } })
    // Counted in bytes, not in characters.
    await failure(metadata.set({ ...at('12345'), value: 'ääääää' }), 'QUOTA_EXCEEDED')
    await failure(metadata.set({ ...at('12345'), value: Buffer.alloc(13) }), 'QUOTA_EXCEEDED')
    expect((await metadata.get(at('12345')))?.value).toBe('0123456789')
  })

  test('on the keys of an entity, exactly, however many ask at once', async () => {
    const { tenant, metadata, at } = await withEntity()
    await fleet().tenants.setQuotas(tenant.id, { metadata_keys_per_entity: 5 })
    const asked = await Promise.allSettled(
      Array.from({ length: 30 }, (_, n) => metadata.set({ ...at(`k${n}`), value: n })),
    )
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    const refused = asked.filter((one) => one.status === 'rejected')
    expect(refused.every(({ reason }) => reason.code === 'QUOTA_EXCEEDED')).toBe(true)
    // What is there can be written, and what was deleted makes room.
    const [first] = (await metadata.getEntities(['lamp']))[0]?.entries ?? []
    expect(await metadata.set({ ...at(first?.key as string), value: 'again' })).toBe(2)
    await metadata.delete(at(first?.key as string))
    expect(await metadata.set({ ...at('new'), value: 1 })).toBe(1)
    await failure(metadata.set({ ...at(first?.key as string), value: 1 }), 'QUOTA_EXCEEDED')
    // A call of many that has no room leaves the last place to another.
    await metadata.delete(at('new'))
    const [many, one] = await Promise.allSettled([
      metadata.setMany([
        { ...at('m1'), value: 1 },
        { ...at('m2'), value: 1 },
      ]),
      metadata.set({ ...at('one'), value: 1 }),
    ])
    expect(many).toMatchObject({ reason: { code: 'QUOTA_EXCEEDED' } })
    expect(one).toMatchObject({ value: 1 })
  })
})

describe('reads', () => {
  test('whole entities by name, group and channel, a page at a time', async () => {
    const { metadata } = await newTenant(fleet())
    const names = Array.from({ length: 25 }, (_, n) => `e${String(n).padStart(2, '0')}`)
    await metadata.entities.create(
      names.map((name, n) => ({ name, syncGroup: 'REALTIME', channel: n % 2 === 0 ? 'even' : null })),
    )
    await metadata.setMany(names.map((name) => ({ entity: name, key: 'name', value: name })))
    const pages: string[] = []
    for (let after = ''; ; ) {
      const page = await metadata.list({ group: 'REALTIME', after, limit: 10 })
      pages.push(...page.map(({ entries }) => entries[0]?.value as string))
      if (page.length < 10) break
      after = page.at(-1)?.name as string
    }
    expect(pages).toEqual(names)
    const even = await metadata.list({ group: 'REALTIME', channel: 'even', limit: 1000 })
    expect(even.map(({ name }) => name)).toEqual(names.filter((_, n) => n % 2 === 0))
    expect(await metadata.list({ group: 'NORMAL' })).toEqual([])
    const [some, none] = await metadata.getEntities(['e07', 'nobody'])
    expect(some).toMatchObject({ name: 'e07', channel: null, entries: [{ key: 'name', value: 'e07' }] })
    expect(none).toBeUndefined()
  })
})
