import pg from 'pg'
import { migrate, openDatabase, openFleet, schemaStatus } from 'pgfleet'
import { expect, test } from 'vitest'
import { createTestDatabase, failure, onEngines } from '../setup/index.js'
import { catalogSnapshot, migratedRows } from './catalog-snapshot.js'

const servers = onEngines(['direct', 'pooled'], 'the embedded engine belongs to one process with one connection')

servers.describe('several processes at once', () => {
  test('twenty first starts leave one schema, the same as one leaves', async () => {
    const { options } = await createTestDatabase({ migrated: false })
    const fleets = await Promise.all(Array.from({ length: 20 }, () => openFleet({ ...options, poolMax: 1 })))
    const reference = await openFleet((await createTestDatabase()).options)
    const [first] = fleets
    if (first === undefined) throw new Error('no fleet')
    expect(await catalogSnapshot(first)).toEqual(await catalogSnapshot(reference))
    expect(await migratedRows(first)).toEqual(await migratedRows(reference))
    await Promise.all(fleets.map(({ tenants }, i) => tenants.create({ id: `t-${i}` })))
    expect(await first.tenants.list()).toHaveLength(20)
    await Promise.all([...fleets, reference].map((fleet) => fleet.close()))
  })

  test('first starts on several databases of one server do not get into each other’s way', async () => {
    const databases = await Promise.all(Array.from({ length: 4 }, () => createTestDatabase({ migrated: false })))
    const opened = await Promise.all(databases.map(({ options }) => openFleet({ ...options, poolMax: 1 })))
    for (const fleet of opened) expect((await schemaStatus(fleet.database)).upToDate).toBe(true)
    await Promise.all(opened.map((fleet) => fleet.close()))
  })

  test('a run gives way to a lock on a table, tries again, and gives up after waitMs', async () => {
    const made = await createTestDatabase()
    const database = await openDatabase({ ...made.options, poolMax: 2 })
    const holder = new pg.Client({ connectionString: made.adminUrl() })
    await holder.connect()
    await holder.query(
      `update platform.routines set checksum = 'older' where path = 'learning/agent_performance_summary'`,
    )
    await holder.query('begin; lock table learning.agent_performance_summary in access share mode')
    const error = await failure(migrate(database, { waitMs: 500, lockTimeoutMs: 100 }), 'TIMEOUT')
    expect(error.retryable).toBe(true)
    const patient = migrate(database, { waitMs: 20_000, lockTimeoutMs: 100 })
    setTimeout(() => holder.query('rollback'), 400)
    expect((await patient).routines).toEqual(['learning/agent_performance_summary'])
    await holder.end()
    await database.close()
  })

  test('another run that holds the lock is waited for', async () => {
    const made = await createTestDatabase()
    const database = await openDatabase(made.options)
    const holder = new pg.Client({ connectionString: made.adminUrl() })
    await holder.connect()
    await holder.query(`begin; select pg_advisory_xact_lock(hashtextextended('pgfleet.migrate', 0))`)
    await failure(migrate(database, { waitMs: 300 }), 'TIMEOUT')
    await expect(migrate(database, { signal: AbortSignal.timeout(300) })).rejects.toThrow(/abort/i)
    await holder.end()
    await migrate(database)
    await database.close()
  })
})
