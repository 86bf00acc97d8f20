import pg from 'pg'
import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { createTestDatabase, failure, onEngines } from '../setup/index.js'

test('a fleet that is closed writes first what waits', async () => {
  const database = await createTestDatabase()
  const fleet = await openFleet(database.options)
  await fleet.tenants.create({ id: 'acme' })
  const { metadata } = fleet.tenant('acme')
  await metadata.entities.create({ name: 'lamp' })
  const calls = Array.from({ length: 500 }, (_, n) => metadata.set({ entity: 'lamp', key: `k${n % 50}`, value: n }))
  await fleet.close()
  expect((await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected')).toEqual([])
  await failure(metadata.set({ entity: 'lamp', key: 'k', value: 1 }), 'CLOSED')
  await fleet.close()
})

onEngines(['direct', 'pooled'], 'needs somebody else who holds a lock')(
  'a queue that cannot be flushed in time is reported with what it held, and every caller is told',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet({ ...database.options, closeTimeoutMs: 300 })
    await fleet.tenants.create({ id: 'acme' })
    const { metadata } = fleet.tenant('acme')
    await metadata.entities.create({ name: 'lamp' })
    await metadata.set({ entity: 'lamp', key: 'k', value: 0 })
    const client = new pg.Client({ connectionString: database.adminUrl() })
    await client.connect()
    try {
      await client.query('begin')
      await client.query(`select 1 from metadata.entries where key = 'k' for update`)
      const flying = metadata.set({ entity: 'lamp', key: 'k', value: 1 }).catch((error) => error.code)
      await new Promise((done) => setImmediate(done))
      await new Promise((done) => setImmediate(done))
      const waiting = [2, 3].map((value) =>
        metadata.set({ entity: 'lamp', key: 'k', value }).catch((error) => error.code),
      )
      const error = await failure(fleet.close(), 'CLOSE_INCOMPLETE')
      expect(error.details).toEqual({ held: { 'metadata.setEntries': { queued: 2, inFlight: 1 } } })
      expect(error.message).toContain('metadata.setEntries: 2 not sent, 1 in flight')
      expect([await flying, ...(await Promise.all(waiting))]).toEqual(['OUTCOME_UNKNOWN', 'CLOSED', 'CLOSED'])
    } finally {
      await client.end()
    }
    await fleet.close()
  },
)
