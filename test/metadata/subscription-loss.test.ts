import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, failure, onEngines, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { pause, take, within } from './feed-support.js'

onEngines(['direct'], 'ends sessions of this database').describe('a lost connection', async () => {
  const database = await createTestDatabase()

  test('leaves no gap: in the end every key has been told its last value', async () => {
    const [fleet, admin] = [await openFleet(database.options), await openFleet({ url: database.adminUrl() })]
    afterFile(() => Promise.all([fleet.close(), admin.close()]))
    const { metadata } = await newTenant(fleet)
    await metadata.groups.set({ name: 'FAST', tickMs: 10 })
    await metadata.entities.create({ name: 'e', syncGroup: 'FAST' })
    const follower = metadata.subscribe({ group: 'FAST' })
    await follower.ready
    const told = new Map<string, unknown>()
    const reader = (async () => {
      for await (const message of follower) {
        if (message.kind === 'set') told.set(message.key, message.value)
        if (message.kind === 'set' && message.key === 'end') return
      }
    })()
    let ending = true
    let done = 0
    const ender = (async () => {
      while (ending) {
        await sql(
          admin,
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        )
        // Something gets done between one loss and the next, however slow the machine is.
        const before = done
        do await pause(60)
        while (ending && done === before)
      }
    })()
    const set = async (key: string, value: unknown) => {
      // Setting the same again changes nothing.
      for (let attempt = 0; ; attempt++) {
        const error = await metadata.set({ entity: 'e', key, value: value as number }).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        if (error === undefined) {
          done++
          return
        }
        if (attempt > 50) throw error
      }
    }
    for (let value = 0; value < 200; value++) await set(`k${value % 9}`, value)
    ending = false
    await ender
    await set('end', 1)
    await within(reader)
    const [stored] = await metadata.getEntities(['e'])
    expect(told).toEqual(new Map(stored?.entries.map(({ key, value }) => [key, value])))
  })

  test('that does not come back in time is told to those who have waited long enough', async () => {
    const [fleet, admin] = [await openFleet(database.options), await openFleet({ url: database.adminUrl() })]
    const { metadata } = await newTenant(fleet)
    await metadata.entities.create({ name: 'e' })
    const hasty = metadata.subscribe({ group: 'NORMAL', reconnectMs: 0 })
    const patient = metadata.subscribe({ group: 'NORMAL' })
    await Promise.all([hasty.ready, patient.ready])
    await admin.database.lend(async (connection) => {
      await connection.query('begin')
      await connection.query('lock table metadata.changes in access exclusive mode')
      const error = failure(hasty.next(), 'TIMEOUT')
      for (let i = 0; i < 300; i++) {
        const cancelled = await sql(
          admin,
          `select pg_cancel_backend(pid) from pg_stat_activity
          where datname = current_database() and query like '%read_changes%' and wait_event_type = 'Lock' and pid <> pg_backend_pid()`,
        )
        if (cancelled.length > 0) break
        await pause(50)
      }
      expect((await within(error)).retryable).toBe(true)
      await connection.query('rollback')
    })
    await metadata.set({ entity: 'e', key: 'k', value: 1 })
    expect(await take(patient, 1)).toMatchObject([{ key: 'k', value: 1 }])
    await Promise.all([fleet.close(), admin.close()])
  })
})
