// What holds on every engine: without replicas a consistency changes nothing.
import { type Consistency, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import type { Database } from '../../dist/database/database.js'
import { PrimaryHistory } from '../../dist/database/replicas/primary-history.js'
import { Replica } from '../../dist/database/replicas/replica.js'
import { toWalPosition } from '../../dist/database/replicas/wal-position.js'
import { WritePosition } from '../../dist/database/replicas/write-position.js'
import { createTestDatabase, failure, onEngines } from '../setup/index.js'
import { newTenant, useFleet } from '../setup/tenant.js'

const fleet = useFleet()

test.each(['latest', 'cached', 'own-writes', 'stale'] as const)(
  '%s is answered by the primary when there is no replica',
  async (consistency) => {
    const tenant = await newTenant(fleet())
    const reading = tenant.reading(consistency)
    await reading.memory.kv.set('k', 1)
    expect(await reading.memory.kv.get('k')).toBe(1)
    expect(await reading.memory.kv.list()).toHaveLength(1)
    const seen = await reading.transaction(async ({ memory }) => await memory.kv.get('k'), { readOnly: true })
    expect(seen).toBe(1)
    expect(fleet().replicas()).toEqual({
      onReplicas: 0,
      onPrimary: { unavailable: 0, behind: 0, failed: 0 },
      replicas: [],
    })
  },
)

test('an unknown consistency is refused', async () => {
  const tenant = await newTenant(fleet())
  const error = await failure((async () => tenant.reading('fresh' as Consistency))(), 'INPUT_INVALID')
  expect(error.field).toBe('consistency')
})

onEngines(['direct', 'pooled'], 'has no url')('a server that is no standby is left out', async () => {
  const { options } = await createTestDatabase()
  const alone = await openFleet({ ...options, replicas: [options.url as string], replicaPollMs: 20 })
  try {
    expect(alone.replicas().replicas).toMatchObject([{ state: 'promoted', lagMs: null, reads: 0, failures: 0 }])
    expect(JSON.stringify(alone.replicas())).not.toContain(new URL(options.url as string).password)
    await alone.tenants.create({ id: 'acme' })
    expect(await alone.tenant('acme').reading('stale').memory.kv.get('k')).toBeUndefined()
    expect(alone.replicas().onPrimary.unavailable).toBe(1)
  } finally {
    await alone.close()
  }
})

test('a standby of another cluster is left out', async () => {
  const answer = { position: '0/10', system: '7', recovering: true }
  const database = { run: async () => [answer], cut() {} } as unknown as Database
  const replica = new Replica('other', database, database, 1000)
  await replica.check(new PrimaryHistory(), '8')
  expect(replica.report(new PrimaryHistory()).state).toBe('foreign')
  await replica.check(new PrimaryHistory(), '7')
  expect(replica.report(new PrimaryHistory()).state).toBe('ready')
})

test('positions are read as bytes', () => {
  expect(toWalPosition('0/0')).toBe(0n)
  expect(toWalPosition('16/B374D848')).toBe(0x16_b374_d848n)
})

test('the lag is the age of the last moment of which a replica has all', () => {
  const history = new PrimaryHistory()
  expect(history.lagMs(0n, 100)).toBe(0)
  for (let at = 0; at < 3000; at++) history.add(at, BigInt(at * 10))
  expect(history.position).toBe(29_990n)
  // All that is known: also later, while nothing new is heard.
  expect(history.lagMs(29_990n, 9000)).toBe(0)
  // Of old times it remembers every second, fourth ... moment: never one too late.
  for (const replayed of [15_000, 20_005, 25_123, 29_989]) {
    const lag = history.lagMs(BigInt(replayed), 3000)
    expect(lag).toBeGreaterThanOrEqual(3000 - replayed / 10)
    expect(lag).toBeLessThan(3000 - replayed / 10 + 16)
  }
  expect(history.lagMs(-1n, 3000)).toBe(Number.POSITIVE_INFINITY)
  // Another primary, which begins before the end of the old one.
  history.add(4000, 500n)
  expect(history.lagMs(500n, 5000)).toBe(0)
})

test('one look serves all writes before it, and no write after it', async () => {
  const looks: { durability: string; answer: (position: bigint) => void; fail: (error: Error) => void }[] = []
  const writes = new WritePosition(
    (durability) => new Promise((answer, fail) => void looks.push({ durability, answer, fail })),
  )
  expect(await writes.position()).toBe(0n)
  expect(looks).toHaveLength(0)
  writes.wrote('async')
  const first = writes.position()
  const same = writes.position()
  expect(looks.map(({ durability }) => durability)).toEqual(['async'])
  // Acknowledged while the look is under way: it may have been answered before.
  writes.wrote('durable')
  const second = writes.position()
  expect(looks.map(({ durability }) => durability)).toEqual(['async', 'async'])
  looks[1]?.answer(200n)
  expect(await second).toBe(200n)
  looks[0]?.answer(100n)
  expect(await first).toBe(200n)
  expect(await same).toBe(200n)
  expect(await writes.position()).toBe(200n)
  expect(looks).toHaveLength(2)
  // Durable writes alone need what is on disk; one that is not looked up is looked up again.
  writes.wrote('durable')
  const third = writes.position()
  expect(looks[2]?.durability).toBe('durable')
  looks[2]?.fail(new Error('gone'))
  await expect(third).rejects.toThrow('gone')
  const fourth = writes.position()
  looks[3]?.answer(300n)
  expect(await fourth).toBe(300n)
})
