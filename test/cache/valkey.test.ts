// A cache that is told of others' writes by a Valkey, while that is well, killed, started again and stopped.
import { type Fleet, openFleet } from 'pgfleet'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestDatabase, onEngines } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { onValkey, startValkey, type ValkeyServer } from './valkey-server.js'

/** A guard against a hang, no measure of speed. */
const PATIENTLY = { timeout: 30_000, interval: 5 }
/** Nothing ends by time unless the test says so. */
const LONG_MS = 3_600_000

const VALKEY = await onValkey()

VALKEY.describe('told by a Valkey', () => {
  let valkey: ValkeyServer
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  const fleets: Fleet[] = []
  const open = async (staleMs = LONG_MS, more: { timeoutMs?: number; prefix?: string } = {}) => {
    const fleet = await openFleet({ ...database.options, cache: { kind: 'valkey', url: valkey.url, staleMs, ...more } })
    fleets.push(fleet)
    return fleet
  }
  const ready = (...some: Fleet[]) =>
    vi.waitFor(() => expect(some.map((fleet) => fleet.cache().isReady)).toEqual(some.map(() => true)), PATIENTLY)
  const kvOf = (fleet: Fleet, id: string) => fleet.tenant(id).reading('cached').memory.kv

  beforeAll(async () => {
    valkey = await startValkey()
    database = await createTestDatabase()
  }, 60_000)
  afterAll(async () => {
    valkey.resume()
    for (const fleet of fleets) await fleet.close()
  })

  test('what another process writes is read soon, long before the bound', async () => {
    const [one, two] = [await open(), await open()]
    const { id, metadata } = await newTenant(one)
    const [reader, writer] = [kvOf(one, id), kvOf(two, id)]
    for (let n = 1; n <= 20; n++) {
      await reader.get('k')
      await writer.set('k', n)
      await vi.waitFor(async () => expect(await reader.get('k')).toBe(n), PATIENTLY)
    }
    await two.tenant(id).transaction(({ memory }) => memory.kv.set('k', 'committed'))
    await vi.waitFor(async () => expect(await reader.get('k')).toBe('committed'), PATIENTLY)
    // Answered here in between.
    const { hits } = one.cache()
    for (let n = 0; n < 5; n++) await reader.get('k')
    await vi.waitFor(async () => {
      await reader.get('k')
      expect(one.cache().hits).toBeGreaterThan(hits)
    }, PATIENTLY)
    // A right that is revoked elsewhere.
    await metadata.entities.create({ name: 'e' })
    await metadata.roles.grant({ agentId: 'a', syncGroup: 'NORMAL' })
    const agent = one
      .tenant(id)
      .reading('cached')
      .as({ actor: { type: 'agent', id: 'a' } }).metadata
    await agent.get({ entity: 'e', key: 'k' })
    await two.tenant(id).metadata.roles.revoke('a', 'NORMAL')
    await vi.waitFor(
      async () =>
        await expect(agent.get({ entity: 'e', key: 'k' })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' }),
      PATIENTLY,
    )
  })

  test('own writes are read at once, and leave nothing behind there', async () => {
    const fleet = await open(LONG_MS, { prefix: 'own:' })
    const { id } = await newTenant(fleet)
    const kv = kvOf(fleet, id)
    for (let n = 0; n < 50; n++) {
      await kv.set('secret name', n)
      expect(await kv.get('secret name')).toBe(n)
      expect(await kv.get('secret name')).toBe(n)
    }
    expect(fleet.cache().hits).toBeGreaterThanOrEqual(50)
    await fleet.close()
    expect(await valkey.command('KEYS', '*')).toEqual([])
  })

  test('a flush there, and a connection that is cut, empty the cache', async () => {
    const [one, two] = [await open(), await open()]
    const { id } = await newTenant(one)
    const reader = kvOf(one, id)
    await reader.set('k', 1)
    await reader.get('k')
    const { emptied } = one.cache()
    await valkey.command('FLUSHALL')
    await vi.waitFor(() => expect(one.cache().emptied).toBeGreaterThan(emptied), PATIENTLY)
    await reader.get('k')
    await valkey.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await vi.waitFor(() => expect(one.cache().emptied).toBeGreaterThan(emptied + 1), PATIENTLY)
    await kvOf(two, id).set('k', 2)
    expect(await reader.get('k')).toBe(2)
    await ready(one, two)
    expect(one.cache().lastError).not.toBeNull()
  })

  test('killed, it is done without; started again, it is used again', async () => {
    const [one, two] = [await open(), await open()]
    const { id } = await newTenant(one)
    const [reader, writer] = [kvOf(one, id), kvOf(two, id)]
    await writer.set('k', 1)
    await reader.get('k')
    await valkey.kill()
    await vi.waitFor(() => expect(one.cache()).toMatchObject({ isReady: false, items: 0 }), PATIENTLY)
    await vi.waitFor(() => expect(two.cache().isReady).toBe(false), PATIENTLY)
    await writer.set('k', 2)
    expect(await reader.get('k')).toBe(2)
    expect(await reader.get('k')).toBe(2)
    expect(one.cache().bypassed).toBeGreaterThanOrEqual(2)
    // A fleet opens without it, too.
    const three = await open()
    expect(three.cache()).toMatchObject({ isReady: false, lastError: expect.stringContaining('ECONNREFUSED') })
    expect(await kvOf(three, id).get('k')).toBe(2)
    await valkey.restart()
    await ready(one, two, three)
    await reader.get('k')
    await writer.set('k', 3)
    await vi.waitFor(async () => expect(await reader.get('k')).toBe(3), PATIENTLY)
    const { hits } = one.cache()
    await vi.waitFor(async () => {
      await reader.get('k')
      expect(one.cache().hits).toBeGreaterThan(hits)
    }, PATIENTLY)
  })

  test('stopped, it makes no read older than the bound, nor hang', async () => {
    const staleMs = 200
    const [one, two] = [await open(staleMs, { timeoutMs: 50 }), await open(staleMs, { timeoutMs: 50 })]
    await ready(one, two)
    const { id } = await newTenant(one)
    const [reader, writer] = [kvOf(one, id), kvOf(two, id)]
    const settled: { at: number; n: number }[] = []
    const write = async (n: number) => {
      await writer.set('k', n)
      settled.push({ at: performance.now(), n })
    }
    const check = async () => {
      const calledAt = performance.now()
      const least = Math.max(0, ...settled.filter(({ at }) => at <= calledAt - staleMs).map(({ n }) => n))
      expect(await reader.get('k')).toBeGreaterThanOrEqual(least)
    }
    await write(1)
    await check()
    valkey.pause()
    for (let n = 2; n < 40; n++) {
      await write(n)
      for (let reads = 0; reads < 5; reads++) await check()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    // What was asked and not answered has shown it.
    await vi.waitFor(async () => {
      await check()
      expect(one.cache()).toMatchObject({ isReady: false, items: 0, lastError: expect.stringContaining('50 ms') })
    }, PATIENTLY)
    await write(100)
    expect(await reader.get('k')).toBe(100)
    valkey.resume()
    await ready(one, two)
    await write(101)
    await vi.waitFor(async () => expect(await reader.get('k')).toBe(101), PATIENTLY)
  })
})

onEngines(['embedded'], 'one engine is enough')('without a server that answers a fleet opens, and reads', async () => {
  const fleet = await openFleet({
    dataDir: 'memory://',
    cache: { kind: 'valkey', url: 'redis://127.0.0.1:1', staleMs: LONG_MS },
  })
  try {
    const { id } = await newTenant(fleet)
    await fleet.tenant(id).reading('cached').memory.kv.get('k')
    expect(fleet.cache()).toMatchObject({ kind: 'valkey', isReady: false, hits: 0, misses: 0, bypassed: 1 })
  } finally {
    await fleet.close()
  }
})
