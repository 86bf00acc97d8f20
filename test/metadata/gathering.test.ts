// Keys that many write at the same time: their flights follow each other on one connection.
import pg from 'pg'
import { openFleet } from 'pgfleet'
import { beforeAll, describe, expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'

const database = await createTestDatabase()
const fleet = await openFleet({ ...database.options, poolMax: 4 })
afterFile(() => fleet.close())
await fleet.tenants.create({ id: 'acme' })
const { metadata } = fleet.tenant('acme')
await metadata.entities.create([{ name: 'a' }])
const CALLS = 3

/** The session that waits for a row; of this database, as others' tests wait beside it. */
const WAITING = `from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`

let last = 0
/** Several calls for each of the keys, all at once. */
const write = (...keys: string[]) =>
  keys.map((key) =>
    Promise.allSettled(Array.from({ length: CALLS }, () => metadata.set({ entity: 'a', key, value: ++last }))),
  )
const fulfilled = (version: number) => Array.from({ length: CALLS }, () => ({ status: 'fulfilled', value: version }))
const lost = Array.from({ length: CALLS }, () =>
  expect.objectContaining({ status: 'rejected', reason: expect.objectContaining({ code: 'OUTCOME_UNKNOWN' }) }),
)

onEngines(['direct', 'pooled'], 'the embedded engine has one connection').describe('flights on one connection', () => {
  let admin: pg.Client
  beforeAll(async () => {
    admin = new pg.Client({ connectionString: database.adminUrl() })
    await admin.connect()
    return () => admin.end()
  })

  /** Writes two keys in a flight each, of which the first waits for a row that is locked, and does something meanwhile. */
  async function whileHeld(callback: (free: Promise<object[]>) => Promise<unknown>) {
    await metadata.setMany(['held', 'free'].map((key) => ({ entity: 'a', key, value: ++last })))
    const version = (await metadata.get({ entity: 'a', key: 'held' }))?.version as number
    await admin.query('begin')
    await admin.query(`select from metadata.entries where key = 'held' for update`)
    const [held, free] = write('held', 'free') as [Promise<object[]>, Promise<object[]>]
    for (;;) {
      // What it saw before in its transaction it would see again.
      await admin.query('select pg_stat_clear_snapshot()')
      const { rows } = await admin.query(`select ${WAITING}`)
      if (rows.length > 0) break
    }
    await callback(free)
    await admin.query('rollback')
    return { held: await held, free: await free, before: version }
  }

  /** Has the server do something to the session that waits. */
  const toTheOneThatWaits = (what: 'pg_cancel_backend' | 'pg_terminate_backend') =>
    admin.query(`select ${what}(pid) ${WAITING}`)

  test('land in their order', async () => {
    const { held, free, before } = await whileHeld(async (second) => {
      const other = await Promise.race([second, metadata.get({ entity: 'a', key: 'free' })])
      expect(other).toMatchObject({ key: 'free' })
      expect(fleet.tuning.pool()).toMatchObject({ lent: 1, waiting: 0 })
      expect(fleet.metrics().find(({ operation }) => operation === 'metadata.setEntries')).toMatchObject({ queued: 0 })
    })
    expect([held, free]).toEqual([fulfilled(before + 1), fulfilled(before + 1)])
    expect(fleet.tuning.pool()).toMatchObject({ lent: 0 })
  })

  test('fail for themselves', async () => {
    const { held, free, before } = await whileHeld(() => toTheOneThatWaits('pg_cancel_backend'))
    for (const call of held) expect(call).toMatchObject({ status: 'rejected' })
    expect(free).toEqual(fulfilled(before + 1))
    expect(await metadata.get({ entity: 'a', key: 'held' })).toMatchObject({ version: before })
  })

  test('are lost together with it; what comes then has another', async () => {
    const { held, free, before } = await whileHeld(() => toTheOneThatWaits('pg_terminate_backend'))
    expect([held, free]).toEqual([lost, lost])
    expect(await metadata.set({ entity: 'a', key: 'held', value: ++last })).toBe(before + 1)
    expect(fleet.tuning.pool()).toMatchObject({ lent: 0, waiting: 0 })
  })
})

describe('what gathered', () => {
  test('is written in the order of the calls, however many flights there are', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`)
    for (let round = 1; round <= 10; round++) {
      const versions = await Promise.all(write(...keys))
      for (const calls of versions) for (const call of calls) expect(call).toMatchObject({ status: 'fulfilled' })
      const kept = await metadata.getMany(keys.map((key) => ({ entity: 'a', key })))
      const wanted = keys.map((_, n) => last - (keys.length - 1 - n) * CALLS)
      expect(kept.map((entry) => entry?.value)).toEqual(wanted)
    }
  })
})
