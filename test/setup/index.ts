// How a test gets a database, whatever the engine. TEST_ENGINE chooses it for the whole run (docs/testing.md):
//   embedded (default)   PGlite in memory, needs nothing
//   direct               a server, DATABASE_URL = its superuser
//   pooled               the same through PgBouncer, DATABASE_URL_POOLED; DATABASE_URL to make databases
//
//   const fleet = await openTestFleet()                  at the top of a file, in a hook or in a test; migrated, empty;
//   await fleet.tenants.create({ id: 'acme' })           closed and dropped by itself after the file. Each call makes a
//                                                        database of its own (embedded: 1 to 4 s), so call it once a file.
//   await sql(fleet, 'select 1 as one')                  a statement as the login, a superuser: sees every tenant.
//   const database = await createTestDatabase()          for several fleets on one database, or none:
//   await openFleet(database.options)                    pass { migrated: false } for one without a schema.
//   const error = await failure(call, 'TIMEOUT')         the FleetError that a call has to end with.
//   onEngines(['direct'], 'why')('name', async () => …)  a test that other engines cannot run: they skip it by name, with
//   onEngines(['direct'], 'why').describe('name', …)     the reason, and the end of the run lists it.
//   afterFile(async () => …)                             undo something after the file, from anywhere.
export { afterFile } from './cleanup.js'
export {
  createTestDatabase,
  openTestFleet,
  sql,
  type TestDatabase,
} from './databases.js'
export { type Engine, engine, onEngines } from './engine.js'
export { failure } from './failure.js'
export { bootstrap, createLogin, type Login } from './logins.js'
