import { migrate, migrateDown, migrationPlan, openDatabase, openFleet, schemaStatus } from 'pgfleet'
import { expect, test } from 'vitest'
import { bootstrap, createLogin, createTestDatabase, engine, failure, onEngines } from '../setup/index.js'

const NO_LOGINS = 'the embedded engine has one login, a superuser'

const given =
  engine === 'embedded'
    ? undefined
    : {
        owner: await createLogin(),
        app: await createLogin({ memberOf: ['pgfleet_app'] }),
        stranger: await createLogin(),
      }
const made = given && (await createTestDatabase({ migrated: false, owner: given.owner }))

// The tests run in this order: the database begins without a schema, and is migrated by the second.
onEngines(['direct', 'pooled'], NO_LOGINS).describe('with plain logins', () => {
  const { owner, app, stranger } = given ?? ({} as NonNullable<typeof given>)
  const database = made as NonNullable<typeof made>
  const as = (login: typeof owner) => ({ url: database.urlOf(login) })

  test('the owner of a database may not migrate it before the bootstrap, and is told what to do', async () => {
    const error = await failure(openFleet(as(owner)), 'PERMISSION_DENIED')
    expect(error.hint).toContain('pgfleet migrate plan')
    const bare = await openDatabase(as(owner))
    expect((await migrationPlan(bare)).bootstrap).toContain('create role')
    expect((await schemaStatus(bare)).version).toBe(0)
    await bare.close()
  })

  test('after the bootstrap it migrates and does everything', async () => {
    await bootstrap(database, owner)
    await bootstrap(database, owner)
    await using fleet = await openFleet(as(owner))
    expect((await schemaStatus(fleet.database)).upToDate).toBe(true)
    expect((await migrationPlan(fleet.database)).bootstrap).toBeUndefined()
    await fleet.tenants.create({ id: 'acme', quotas: { q_values: 1000 } })
    const { learning, transaction } = fleet.tenant('acme')
    await learning.learn({ agentType: 'quality-gate', state: 1, action: 'pass', reward: 1, learningRate: 1 })
    expect(await learning.best('quality-gate', 1)).toMatchObject({ action: 'pass', q: 1 })
    await transaction((tx) => tx.learning.learn({ agentType: 'quality-gate', state: 1, action: 'fail', reward: 2 }))
    const [measured] = await fleet.tenants.measure('acme')
    expect(measured).toBeDefined()
    await fleet.tenants.setQuotas('acme', {})
    expect(await fleet.tenants.list()).toHaveLength(1)
  })

  test('it goes down and up again', async () => {
    const bare = await openDatabase(as(owner))
    await migrateDown(bare, 0, { allowDataLoss: true })
    await migrate(bare)
    expect((await schemaStatus(bare)).upToDate).toBe(true)
    await bare.close()
    await using fleet = await openFleet(as(owner))
    await fleet.tenants.create({ id: 'acme' })
  })

  test('an application login learns, and neither makes tenants nor migrates', async () => {
    await using fleet = await openFleet(as(app))
    const { learning, transaction } = fleet.tenant('acme')
    await learning.learn({ agentType: 'quality-gate', state: 2, action: 'pass', reward: 1, learningRate: 1 })
    expect(await learning.best('quality-gate', 2)).toMatchObject({ q: 1 })
    expect(await learning.agentTypes.list()).toHaveLength(18)
    await learning.patterns.search([{ name: 'anything' }])
    await transaction((tx) => tx.learning.best('quality-gate', 2))
    await failure(fleet.tenants.create({ id: 'mine' }), 'PERMISSION_DENIED')
    await failure(fleet.tenants.setQuotas('acme', {}), 'PERMISSION_DENIED')
    await failure(fleet.tenants.list(), 'PERMISSION_DENIED')
    await failure(migrate(fleet.database), 'PERMISSION_DENIED')
    await failure(migrateDown(fleet.database, 0, { allowDataLoss: true }), 'PERMISSION_DENIED')
    expect((await schemaStatus(fleet.database)).upToDate).toBe(true)
  })

  test('an application login is told when the schema is behind', async () => {
    const bare = await openDatabase(as(owner))
    await bare.lend((connection) =>
      connection.query(
        `begin; set local role pgfleet_owner; update platform.routines set checksum = 'older' where path = 'platform/enter'; commit`,
      ),
    )
    await failure(openFleet({ ...as(app), migrate: false }), 'SCHEMA_MISSING')
    await failure(openFleet(as(app)), 'PERMISSION_DENIED')
    await migrate(bare)
    await bare.close()
  })

  test('a login without any role reaches nothing', async () => {
    await failure(openFleet({ ...as(stranger), migrate: false }))
    const bare = await openDatabase(as(stranger))
    for (const text of [
      `select platform.enter('acme')`,
      'select * from learning.q_values',
      'select * from platform.tenants',
      `select learning.find_patterns('[]')`,
    ]) {
      await failure(bare.run({ name: `test.${text}`, text }, []), 'PERMISSION_DENIED')
    }
    await bare.close()
  })
})
