// Cached reads through the door, on every engine.
import { type CacheOptions, openFleet, type Tenant } from 'pgfleet'
import { expect, test } from 'vitest'
import { createTestDatabase, failure, onEngines, openTestFleet, sql } from '../setup/index.js'
import { newTenant, useFleet } from '../setup/tenant.js'

/** Nothing here ends by time. */
const cache = { kind: 'memory', staleMs: 3_600_000 } as const
const fleet = useFleet({ cache })

const cached = async () => (await newTenant(fleet())).reading('cached')

/** Changes a row behind the fleet's back, as another process would. */
const behind = (text: string, tenant: Tenant) => sql(fleet(), text, [tenant.id])
const setBehind = (tenant: Tenant) =>
  behind(`update memory.key_values set value = '"behind"', version = version + 1 where tenant_id = $1`, tenant)

test('only those who ask for it are answered by the cache', async () => {
  const tenant = await cached()
  await tenant.memory.kv.set('k', 'first')
  expect(await tenant.memory.kv.get('k')).toBe('first')
  await setBehind(tenant)
  expect(await tenant.memory.kv.get('k')).toBe('first')
  expect(await tenant.memory.kv.entry('k')).toMatchObject({ value: 'first', version: 1 })
  for (const consistency of ['latest', 'own-writes', 'stale'] as const)
    expect(await tenant.reading(consistency).memory.kv.get('k')).toBe('behind')
  expect(await tenant.transaction(({ memory }) => memory.kv.get('k'))).toBe('behind')
  expect(await tenant.transaction(({ memory }) => memory.kv.get('k'), { readOnly: true })).toBe('behind')
})

test('a fleet without a cache reads the latest', async () => {
  const plain = await openTestFleet()
  const tenant = (await newTenant(plain)).reading('cached')
  await tenant.memory.kv.set('k', 1)
  expect(await tenant.memory.kv.get('k')).toBe(1)
  await sql(plain, `update memory.key_values set value = '2'`)
  expect(await tenant.memory.kv.get('k')).toBe(2)
  expect(plain.cache()).toMatchObject({ kind: 'none', isReady: false, hits: 0, misses: 0 })
})

test('every own write of a value is read afterwards', async () => {
  const tenant = await cached()
  const { kv } = tenant.memory
  const read = async () => [await kv.get('k'), ...(await kv.getMany(['k', 'other']))]
  const steps: [() => Promise<unknown>, unknown][] = [
    [() => kv.set('k', 1), 1],
    [() => kv.setMany([{ key: 'k', value: 2 }]), 2],
    [() => kv.increment('k', 5), 7],
    [() => kv.delete('k'), undefined],
    [() => kv.set('k', 8, { durability: 'async' }), 8],
    [() => kv.delete(['k', 'other']), undefined],
    [() => tenant.transaction(({ memory }) => memory.kv.set('k', 9)), 9],
    [() => tenant.as({ actor: { type: 'agent', id: 'a' } }).memory.kv.set('k', 10), 10],
    [() => fleet().tenant(tenant.id).memory.kv.set('k', 11), 11],
  ]
  for (const [write, value] of steps) {
    await read()
    await write()
    expect(await read()).toEqual([value, value, undefined])
  }
  await failure(kv.set('k', 12, { expectedVersion: 99 }), 'VERSION_CONFLICT')
  expect(await kv.get('k')).toBe(11)
})

test('what is learned is read afterwards, also after a rollback and with the agent type gone', async () => {
  const { learning, transaction } = await cached()
  const type = 'test-generator'
  const state = { file: 'a.ts' }
  const read = async () => ({
    best: await learning.best(type, state),
    values: await learning.values(type, state),
    many: await learning.best([{ agentType: type, state }]),
  })
  const learn = (reward: number) => learning.learn({ agentType: type, state, action: 'run', reward, learningRate: 1 })
  expect(await read()).toEqual({ best: undefined, values: [], many: [undefined] })
  await learn(1)
  const known = { action: 'run', q: 1, visits: 1 }
  expect(await read()).toEqual({ best: known, values: [known], many: [known] })
  const snapshot = await learning.snapshots.create(type, 'one')
  await learn(2)
  expect((await read()).best).toMatchObject({ q: 2, visits: 2 })
  await learning.snapshots.rollback(snapshot.id)
  expect((await read()).best).toMatchObject({ q: 1 })
  await transaction(async (tx) => {
    await tx.learning.learn({ agentType: type, state, action: 'run', reward: 5, learningRate: 1 })
  })
  expect((await read()).best).toMatchObject({ q: 5 })
  await learning.agentTypes.remove(type)
  expect(await read()).toEqual({ best: undefined, values: [], many: [undefined] })
})

test('each agent is answered by its own right, and no longer once it is revoked', async () => {
  const service = await cached()
  await service.metadata.entities.create({ name: 'e' })
  const key = { entity: 'e', key: 'k' }
  const agentOf = (id: string) => service.as({ actor: { type: 'agent', id } }).metadata
  const [one, two] = [agentOf('one'), agentOf('two')]
  await service.metadata.roles.grant({ agentId: 'one', syncGroup: 'NORMAL', update: true, insert: true })
  expect(await one.get(key)).toBeUndefined()
  await one.set({ ...key, value: { x: 1 } })
  expect(await one.get(key)).toMatchObject({ value: { x: 1 }, version: 1, updatedBy: 'one' })
  expect(await one.get(key)).toEqual(await service.reading('latest').metadata.get(key))
  await failure(two.get(key), 'PERMISSION_DENIED')
  // A refusal is not kept.
  await behind(
    `insert into metadata.roles (tenant_id, agent_id, sync_group, can_read, updated_at)
     values ($1, 'two', 'NORMAL', true, now())`,
    service,
  )
  expect(await two.get(key)).toMatchObject({ version: 1 })
  await service.metadata.set({ ...key, value: 2n ** 60n })
  for (const reader of [one, two, service.metadata]) {
    expect((await reader.getMany([key, { ...key, key: 'none' }]))[0]).toMatchObject({ value: 2n ** 60n, version: 2 })
  }
  await service.metadata.roles.revoke('one', 'NORMAL')
  await failure(one.get(key), 'PERMISSION_DENIED')
  expect(await two.get(key)).toMatchObject({ version: 2 })
  await service.metadata.entities.update({ name: 'e', rename: 'f' })
  expect(await two.get(key)).toBeUndefined()
  await service.metadata.entities.delete('f')
  expect(await service.metadata.get({ entity: 'f', key: 'k' })).toBeUndefined()
})

test('entries of every type come back as they were read first', async () => {
  const { metadata } = await cached()
  await metadata.entities.create({ name: 'e' })
  const values = [{ a: [1, null, 'x'] }, 'text', 7, 0.1, -0, true, 2n ** 62n, Buffer.from([0, 255]), null]
  for (const [index, value] of values.entries()) await metadata.set({ entity: 'e', key: `${index}`, value })
  const read = () => metadata.getMany(values.map((_, index) => ({ entity: 'e', key: `${index}` })))
  const first = await read()
  const before = fleet().cache().hits
  expect(await read()).toEqual(first)
  expect(fleet().cache().hits - before).toBe(values.length)
})

test('callers may change what they were given', async () => {
  const { memory } = await cached()
  await memory.kv.set('k', { list: [1] })
  const one = (await memory.kv.get('k')) as { list: number[] }
  const two = (await memory.kv.get('k')) as { list: number[] }
  one.list.push(2)
  two.list.push(3)
  expect(await memory.kv.get('k')).toEqual({ list: [1] })
})

test('tenants do not share what is kept', async () => {
  const [one, two] = [await cached(), await cached()]
  await one.memory.kv.set('k', 'one')
  expect(await one.memory.kv.get('k')).toBe('one')
  expect(await two.memory.kv.get('k')).toBeUndefined()
  await two.memory.kv.set('k', 'two')
  expect([await one.memory.kv.get('k'), await two.memory.kv.get('k')]).toEqual(['one', 'two'])
})

test('what expires, and bytes, are read from the database', async () => {
  const tenant = await cached()
  await tenant.memory.kv.set('k', 1, { ttlMs: 60_000 })
  await tenant.memory.kv.set('b', Buffer.from('bytes'))
  await tenant.metadata.entities.create({ name: 'e' })
  await tenant.metadata.set({ entity: 'e', key: 'k', value: 1, ttlMs: 60_000 })
  const read = async () => [
    await tenant.memory.kv.get('k'),
    await tenant.memory.kv.get('b'),
    (await tenant.metadata.get({ entity: 'e', key: 'k' }))?.value,
  ]
  expect(await read()).toEqual([1, Buffer.from('bytes'), 1])
  await behind(`update memory.key_values set expires_at = now() - interval '1 second' where tenant_id = $1`, tenant)
  await behind(`update metadata.entries set expires_at = now() - interval '1 second' where tenant_id = $1`, tenant)
  expect(await read()).toEqual([undefined, undefined, undefined])
})

test('a call that is aborted, wrong or late is refused as ever', async () => {
  const { memory, id } = await cached()
  await memory.kv.get('k')
  await failure(memory.kv.get('k', { signal: AbortSignal.abort() }), 'ABORTED')
  expect(
    (await failure(memory.kv.getMany(Array.from({ length: 1001 }, (_, i) => `${i}`)), 'INPUT_INVALID')).field,
  ).toBe('items')
  const closing = await openTestFleet({ cache })
  await closing.tenants.create({ id })
  const late = closing.tenant(id).reading('cached')
  await late.memory.kv.get('k')
  await closing.close()
  await failure(late.memory.kv.get('k'), 'CLOSED')
})

test.each<[string, unknown, string]>([
  ['no bound', { kind: 'memory' }, 'cache.staleMs'],
  ['a bound of nothing', { kind: 'memory', staleMs: 0 }, 'cache.staleMs'],
  ['an unknown kind', { kind: 'disk', staleMs: 1 }, 'cache.kind'],
  ['a url that is none', { kind: 'valkey', staleMs: 1, url: 'http://x' }, 'cache.url'],
  ['no url', { kind: 'valkey', staleMs: 1 }, 'cache.url'],
  ['no room', { kind: 'memory', staleMs: 1, itemsMax: 0 }, 'cache.itemsMax'],
  ['an unknown option', { kind: 'memory', staleMs: 1, ttl: 1 }, 'ttl'],
])('%s is refused', async (_, options, field) => {
  const opening = openFleet({ dataDir: 'memory://', cache: options as CacheOptions })
  expect((await failure(opening, 'OPTIONS_INVALID')).field).toBe(field)
})

onEngines(['direct', 'pooled'], 'two fleets on one database').describe('of two processes', () => {
  test('one hears of the other’s writes by the bound at the latest', async () => {
    const { options } = await createTestDatabase()
    const one = await openFleet({ ...options, cache: { kind: 'memory', staleMs: 20 } })
    const two = await openFleet(options)
    try {
      await two.tenants.create({ id: 'acme' })
      const reader = one.tenant('acme').reading('cached').memory.kv
      const writer = two.tenant('acme').memory.kv
      for (let n = 0; n < 30; n++) {
        await writer.set('k', n)
        const settledAt = performance.now()
        for (;;) {
          const calledAt = performance.now()
          const value = await reader.get('k')
          if (value === n) break
          expect(calledAt - settledAt).toBeLessThanOrEqual(20)
        }
      }
    } finally {
      await one.close()
      await two.close()
    }
  })
})
