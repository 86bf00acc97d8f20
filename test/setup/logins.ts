import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { inject } from 'vitest'
import { afterFile } from './cleanup.js'
import { administer, type TestDatabase } from './databases.js'

/** A login of the server. */
export interface Login {
  readonly name: string
  readonly password: string
}

/**
 * Makes a plain login, with nothing but the roles of `memberOf`. Logins belong to the server, not to a database: make it
 * before the database that it is to own, so that it is dropped after it.
 */
export async function createLogin({ memberOf = [] as readonly string[] } = {}): Promise<Login> {
  const name = `${inject('run')}_login_${randomBytes(4).toString('hex')}`
  const password = randomBytes(12).toString('hex')
  await administer(`create role ${name} login nosuperuser nocreaterole nocreatedb password '${password}'`)
  for (const role of memberOf) await administer(`grant ${role} to ${name}`)
  afterFile(() => administer(`drop role if exists ${name}`))
  return { name, password }
}

/** Runs sql/bootstrap.sql as an administrator would, so that the login may migrate the database. */
export async function bootstrap(database: TestDatabase, login: Login): Promise<void> {
  const admin = new pg.Client({ connectionString: database.adminUrl() })
  await admin.connect()
  try {
    await admin.query(`set pgfleet.migrator = '${login.name}'`)
    await admin.query(await readFile(new URL('../../sql/bootstrap.sql', import.meta.url), 'utf8'))
  } finally {
    await admin.end()
  }
}
