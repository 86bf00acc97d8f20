import { isDeepStrictEqual } from 'node:util'
import { type Fleet, openFleet, type Tenant } from 'pgfleet'
import type { Tick, TickerOptions } from 'pgfleet/metadata'
import { describe, expect, test } from 'vitest'
import { afterFile, createTestDatabase, engine, failure, onEngines, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { pause } from './feed-support.js'

const database = await createTestDatabase()
const fleet = await openFleet(database.options)
afterFile(() => fleet.close())

const errors: unknown[] = []
const QUICK: TickerOptions = { heartbeatMs: 50, leaseMs: 1000, onError: (error) => errors.push(error) }

/** A tenant with an entity `e` in the group FAST, of 20 ms. */
async function ticked({ ticksKept = 1000, isEnabled = true } = {}): Promise<Tenant> {
  const tenant = await newTenant(fleet)
  await tenant.metadata.groups.set({ name: 'FAST', tickMs: 20, ticksKept, isEnabled })
  await tenant.metadata.entities.create({ name: 'e', syncGroup: 'FAST' })
  return tenant
}

const ticksOf = async ({ metadata }: Tenant): Promise<Tick[]> =>
  (await metadata.ticks.list({ group: 'FAST' })).reverse()

/** Waits until a tick has the key at this version, or a later one. */
async function captured(tenant: Tenant, key: string, version: number): Promise<Tick[]> {
  for (let i = 0; i < 600; i++) {
    const ticks = await ticksOf(tenant)
    if (ticks.some((tick) => tick.delta.some((each) => each.key === key && (each.version ?? 0) >= version)))
      return ticks
    await pause(50)
  }
  throw new Error(`version ${version} of ${key} was not captured`)
}

/**
 * The ticks once fifteen have gone by without another. The entity and its first value are two changes: while somebody's
 * older transaction holds the second back, it is captured in a tick of its own, with the value that the first one told.
 */
async function settled(tenant: Tenant): Promise<Tick[]> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const before = await ticksOf(tenant)
    await pause(300)
    if (isDeepStrictEqual(await ticksOf(tenant), before)) return before
  }
  throw new Error('ticks are written without a change')
}

describe('ticks', () => {
  test('hold what has changed in each, in a ring, with how punctual it was', async () => {
    const tenant = await ticked({ ticksKept: 3 })
    const ticker = tenant.metadata.ticks.start(QUICK)
    for (let value = 1; value <= 5; value++) {
      await tenant.metadata.set({ entity: 'e', key: 'k', value })
      await captured(tenant, 'k', value)
    }
    await tenant.metadata.set({ entity: 'e', key: 'large', value: 'x'.repeat(10_000) })
    const large = (await captured(tenant, 'large', 1)).flatMap(({ delta }) => delta).find(({ key }) => key === 'large')
    expect(large).toEqual({ entity: 'e', key: 'large', version: 1, bytes: 10_000 })
    await tenant.metadata.delete({ entity: 'e', key: 'k' })
    const ticks = await captured(tenant, 'k', 6)
    expect(ticker.groups).toEqual(['FAST'])
    await ticker.stop()
    expect(ticks).toHaveLength(3)
    const [first] = ticks.map(({ number }) => number)
    expect(ticks.map(({ number }) => number)).toEqual([0, 1, 2].map((n) => n + (first ?? 0)))
    expect(ticks.at(-1)?.delta).toEqual([{ entity: 'e', key: 'k', version: 6, deleted: true }])
    for (const tick of ticks) {
      expect(tick).toMatchObject({ group: 'FAST', changeCount: 1 })
      expect(tick.delayMs).toBeGreaterThanOrEqual(0)
      expect(tick.headroomMs).toBeCloseTo(20 - tick.delayMs - tick.durationMs, 6)
      expect(tick.isDelayed).toBe(tick.headroomMs < 0)
      expect(tick.startedAt.getTime() - tick.dueAt.getTime()).toBeCloseTo(tick.delayMs, -1)
    }
    expect(errors).toEqual([])
  })

  test('are written only when something has changed, and only for groups that are enabled', async () => {
    const [tenant, disabled] = [await ticked(), await ticked({ isEnabled: false })]
    const tickers = [tenant, disabled].map(({ metadata }) => metadata.ticks.start(QUICK))
    await disabled.metadata.set({ entity: 'e', key: 'k', value: 1 })
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 1 })
    await captured(tenant, 'k', 1)
    const before = await settled(tenant)
    expect(await ticksOf(disabled)).toEqual([])
    // After a pause in which nothing has changed the next change is captured again.
    await pause(1500)
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 2 })
    const after = await captured(tenant, 'k', 2)
    expect(after.length).toBeGreaterThan(before.length)
    await Promise.all(tickers.map((ticker) => ticker.stop()))
  })

  test('tell every key its last version, each once a tick, however many write', async () => {
    const tenant = await ticked()
    const ticker = tenant.metadata.ticks.start(QUICK)
    await Promise.all(
      Array.from({ length: 6 }, async (_, writer) => {
        for (let value = 0; value < 60; value++) {
          await tenant.metadata.set({ entity: 'e', key: `k${(value * (writer + 1)) % 7}`, value: value + writer / 10 })
        }
      }),
    )
    const [entity] = await tenant.metadata.getEntities(['e'])
    for (const { key, version } of entity?.entries ?? []) await captured(tenant, key, version)
    const seen = new Map<string, number>()
    for (const { delta } of await ticksOf(tenant)) {
      expect(new Set(delta.map(({ key }) => key)).size).toBe(delta.length)
      for (const { key, version } of delta) {
        // What was there already when an earlier change of the key was captured comes once more with its own.
        expect(version).toBeGreaterThanOrEqual(seen.get(key as string) ?? 0)
        seen.set(key as string, version ?? 0)
      }
    }
    expect(seen).toEqual(new Map(entity?.entries.map(({ key, version }) => [key, version])))
    await ticker.stop()
  })

  test('runOnce does one round', async () => {
    const tenant = await ticked()
    const ticker = tenant.metadata.ticks.start(QUICK)
    await ticker.stop()
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 1 })
    for (let i = 0; i < 300 && (await ticker.runOnce()) === 0; i++) await pause(100)
    expect((await ticksOf(tenant)).at(-1)?.delta).toEqual([{ entity: 'e', key: 'k', version: 1, value: 1 }])
    await ticker.stop()
  })

  test.each([
    ['options.groups', { groups: [] }],
    ['options.leaseMs', { leaseMs: 99 }],
    ['options.heartbeatMs', { heartbeatMs: 3000 }],
    ['options.onError', { onError: 1 as never }],
    ['options.signal', { signal: {} as never }],
  ])('a ticker refuses %s', (field, options) => {
    expect(() => fleet.tenant('any').metadata.ticks.start(options)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field }) as Error,
    )
  })

  test('an agent may list the ticks of what it may read, and start none', async () => {
    const tenant = await ticked()
    const { ticks } = tenant.as({ actor: { type: 'agent', id: 'reader' } }).metadata
    await failure(ticks.list({ group: 'FAST' }), 'PERMISSION_DENIED')
    await tenant.metadata.roles.grant({ agentId: 'reader', syncGroup: 'FAST' })
    expect(await ticks.list({ group: 'FAST' })).toEqual([])
    await failure(tenant.metadata.ticks.list({ group: 'NONE' }), 'SYNC_GROUP_UNKNOWN')
    expect(() => ticks.start()).toThrow(expect.objectContaining({ code: 'PERMISSION_DENIED' }))
  })
})

const leaseOf = async ({ id }: Tenant, from: Pick<Fleet, 'database'> = fleet) =>
  (
    await sql<{ holder_id: string; expires_at: Date; is_over: boolean; tick_number: number }>(
      from,
      `select holder_id, expires_at, expires_at <= clock_timestamp() as is_over, tick_number from metadata.tick_leases
      where tenant_id = $1 and sync_group = 'FAST'`,
      [id],
    )
  )[0]

describe('a lease', () => {
  test('is held by one of many, renewed, and given back by an orderly stop', async () => {
    const tenant = await ticked()
    const tickers = Array.from({ length: 3 }, () => tenant.metadata.ticks.start(QUICK))
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 1 })
    await captured(tenant, 'k', 1)
    const holders = () => tickers.filter(({ groups }) => groups.includes('FAST'))
    for (let i = 0; i < 300 && holders().length === 0; i++) await pause(20)
    expect(holders()).toHaveLength(1)
    const first = await leaseOf(tenant)
    for (let i = 0; i < 300; i++) {
      if (((await leaseOf(tenant))?.expires_at ?? 0) > (first?.expires_at ?? 0)) break
      await pause(20)
    }
    const renewed = await leaseOf(tenant)
    expect(renewed?.holder_id).toBe(first?.holder_id)
    expect(renewed?.expires_at.getTime()).toBeGreaterThan(first?.expires_at.getTime() as number)
    const [holder] = holders()
    await holder?.stop()
    await holder?.stop()
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 2 })
    await captured(tenant, 'k', 2)
    const taken = await leaseOf(tenant)
    expect(taken?.holder_id).not.toBe(first?.holder_id)
    await Promise.all(tickers.map((ticker) => ticker.stop()))
    expect((await leaseOf(tenant))?.is_over).toBe(true)
    const numbers = (await ticksOf(tenant)).map(({ number }) => number)
    expect(numbers).toEqual(numbers.map((_, n) => n + 1))
  })

  test('of somebody who does not renew it is taken over once it has run out, and not before', async () => {
    const tenant = await ticked()
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 1 })
    await sql(
      fleet,
      `insert into metadata.tick_leases (tenant_id, sync_group, holder_id, expires_at, transaction_id)
      values ($1, 'FAST', gen_random_uuid(), clock_timestamp() + interval '1500 milliseconds', '0')`,
      [tenant.id],
    )
    const before = await leaseOf(tenant)
    const ticker = tenant.metadata.ticks.start(QUICK)
    const [first] = await captured(tenant, 'k', 1)
    expect(first?.startedAt.getTime()).toBeGreaterThanOrEqual(before?.expires_at.getTime() as number)
    expect((await leaseOf(tenant))?.holder_id).not.toBe(before?.holder_id)
    await ticker.stop()
  })

  test('lost: what its last holder still sends captures nothing', async () => {
    const tenant = await ticked()
    const ticker = tenant.metadata.ticks.start(QUICK)
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 1 })
    await captured(tenant, 'k', 1)
    const holder = (await leaseOf(tenant))?.holder_id
    await ticker.stop()
    await tenant.metadata.set({ entity: 'e', key: 'k', value: 2 })
    const capture = { name: 'test.capture', text: `select * from metadata.capture_tick($1::text, 'FAST', $2::uuid, 0)` }
    const [row] = await fleet.database.runAs<{ is_held: boolean; tick_number: null }>(tenant.id, capture, [
      tenant.id,
      holder,
    ])
    expect(row).toMatchObject({ is_held: false, tick_number: null })
  })

  onEngines(['direct', 'pooled'], 'the embedded database has one process')(
    'of a process that has died is taken over by another, without a gap',
    async () => {
      const [one, other] = [await openFleet(database.options), await openFleet(database.options)]
      const tenant = await ticked()
      const options = { ...QUICK, onError: () => {} }
      const first = one.tenant(tenant.id).metadata.ticks.start(options)
      await tenant.metadata.set({ entity: 'e', key: 'k', value: 1 })
      await captured(tenant, 'k', 1)
      for (let i = 0; i < 300 && !first.groups.includes('FAST'); i++) await pause(20)
      const second = other.tenant(tenant.id).metadata.ticks.start(options)
      const dead = await leaseOf(tenant)
      // Gone without a word: its connections are closed under it.
      await one.database.close()
      for (let value = 2; value <= 20; value++) await tenant.metadata.set({ entity: 'e', key: 'k', value })
      const ticks = await captured(tenant, 'k', 20)
      expect((await leaseOf(tenant))?.holder_id).not.toBe(dead?.holder_id)
      expect(ticks.map(({ number }) => number)).toEqual(ticks.map((_, n) => n + 1))
      await Promise.all([second.stop(), first.stop()])
      await other.close()
    },
  )
})

test(`nothing went wrong in between (${engine})`, () => expect(errors).toEqual([]))
