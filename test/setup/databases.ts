import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type Fleet, type FleetOptions, openFleet } from 'pgfleet'
import { inject } from 'vitest'
import { afterFile } from './cleanup.js'
import { engine, serverUrl } from './engine.js'

/** A database of a test file. */
export interface TestDatabase {
  /** How to open it through the engine of this run. */
  readonly options: Pick<FleetOptions, 'url' | 'dataDir'>
  /** On a server its name; 'postgres' on the embedded engine. */
  readonly name: string
  /** Its superuser's url past the pooler, for a server; fails on the embedded engine. */
  adminUrl(): string
  /** The url of another login, through the engine of this run; fails on the embedded engine. */
  urlOf(login: { readonly name: string; readonly password: string }): string
}

/**
 * Makes a database of its own, migrated unless told not to; dropped after the file. The embedded engine makes it when it
 * is opened, so every opening is another one there.
 */
export async function createTestDatabase({
  migrated = true,
  owner,
}: {
  migrated?: boolean
  /** The login that owns it, on a server. @default the superuser */
  owner?: { readonly name: string }
} = {}): Promise<TestDatabase> {
  if (engine === 'embedded') {
    const none = () => {
      throw new Error('the embedded engine has no url: restrict the test with onEngines')
    }
    return { options: { dataDir: 'memory://' }, name: 'postgres', adminUrl: none, urlOf: none }
  }
  const run = inject('run')
  const name = `${run}_${randomBytes(5).toString('hex')}`
  await administer(
    `create database ${name} template ${migrated ? `${run}_template` : 'template1'}${owner ? ` owner ${owner.name}` : ''}`,
  )
  // The right of pgfleet_owner to make schemas belongs to the database, and is not copied from the template.
  if (migrated) await administer(`grant create on database ${name} to pgfleet_owner`)
  afterFile(() => administer(`drop database if exists ${name} with (force)`))
  const at = (url: URL) => {
    url.pathname = `/${name}`
    return url
  }
  const through = () => at(serverUrl(engine === 'pooled' ? 'DATABASE_URL_POOLED' : 'DATABASE_URL'))
  return {
    options: { url: through().href },
    name,
    adminUrl: () => at(serverUrl('DATABASE_URL')).href,
    urlOf: (login) => {
      const url = through()
      url.username = login.name
      url.password = login.password
      return url.href
    },
  }
}

/** Opens a fleet on a database of its own; closed and dropped after the file. */
export async function openTestFleet(options: Omit<FleetOptions, 'url' | 'dataDir'> = {}): Promise<Fleet> {
  const database = await createTestDatabase()
  const fleet = await openFleet({ ...database.options, ...options })
  afterFile(() => fleet.close())
  return fleet
}

/** Runs a statement as the login, a superuser: it sees every tenant. */
export async function sql<Row extends object>(
  fleet: Pick<Fleet, 'database'>,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return await fleet.database.lend(async (connection) => (await connection.query<Row>(text, [...values])).rows)
}

/** Runs a statement as the superuser of the server, outside any test database. */
export async function administer(text: string): Promise<void> {
  const admin = new pg.Client({ connectionString: serverUrl('DATABASE_URL').href })
  await admin.connect()
  try {
    await admin.query(text)
  } finally {
    await admin.end()
  }
}
