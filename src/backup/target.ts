import pg from 'pg'
import { FleetError } from '../errors.js'
import type { DirectConnection } from './connection.js'
import type { Manifest } from './manifest.js'

/** A database that is ready to be restored into. */
export interface Target {
  readonly serverMajor: number
  readonly rolesMade: readonly string[]
  /** True for a line of pg_restore's list that this database has already, which would fail. */
  leaveOut(line: string): boolean
}

const STATE = `
  select current_setting('server_version_num')::integer / 10000 as server_major,
    current_setting('server_encoding') as encoding,
    current_user as login,
    (select r.rolsuper from pg_roles r where r.rolname = current_user) as is_superuser,
    (
      select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname <> 'information_schema' and not starts_with(n.nspname, 'pg_')
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
      limit 1
    ) as relation,
    array(select n.nspname::text from pg_namespace n) as schemas`

const LACKING = `
  select x.name from unnest($1::text[]) as x(name)
  where not exists (select from pg_available_extensions a where a.name = x.name)`

const ROLES = `select x.name from unnest($1::text[]) as x(name) where to_regrole(quote_ident(x.name)) is null`

/**
 * Looks whether the database can take the backup, before anything is changed; then makes the roles that are missing.
 * Errors: RESTORE_TARGET_NOT_EMPTY, RESTORE_UNSUITABLE, BACKUP_RIGHT_MISSING.
 */
export async function prepareTarget(connection: DirectConnection, manifest: Manifest): Promise<Target> {
  const [state] = await connection.query<{
    server_major: number
    encoding: string
    login: string
    is_superuser: boolean
    relation: string | null
    schemas: string[]
  }>(STATE)
  if (state === undefined)
    throw new FleetError('DATABASE_ERROR', { message: 'the server told nothing of the database' })
  if (!state.is_superuser) {
    throw new FleetError('BACKUP_RIGHT_MISSING', {
      message: `the login ${state.login} is no superuser; pg_restore hands functions over to roles that may not create in their schemas, which needs SUPERUSER`,
      hint: 'Restore as a superuser. Where none can be had, as on a managed service, restore by the means of that service.',
      details: { login: state.login },
    })
  }
  if (state.relation !== null) {
    throw new FleetError('RESTORE_TARGET_NOT_EMPTY', { message: `the database holds ${state.relation} already` })
  }
  if (state.server_major < manifest.serverMajor) {
    throw new FleetError('RESTORE_UNSUITABLE', {
      message: `the backup is of PostgreSQL ${manifest.serverVersion}, and this server is ${state.server_major}`,
    })
  }
  if (manifest.encoding !== null && state.encoding !== manifest.encoding) {
    throw new FleetError('RESTORE_UNSUITABLE', {
      message: `the backup's texts are ${manifest.encoding}, and this database keeps them as ${state.encoding}`,
      hint: `Restore into another: create database NAME template template0 encoding '${manifest.encoding}' locale 'C.UTF-8'`,
    })
  }
  const lacking = (
    await connection.query<{ name: string }>(LACKING, [manifest.extensions.map(({ name }) => name)])
  ).map(({ name }) => name)
  if (lacking.length > 0) {
    throw new FleetError('RESTORE_UNSUITABLE', {
      message: `the server does not have the extension ${lacking.join(', ')}`,
      hint: 'Install its package on the server (Debian: postgresql-17-pgvector for vector; postgresql-contrib for the rest).',
      details: { extensions: lacking },
    })
  }
  const rolesMade = await makeRoles(connection, manifest)
  return {
    serverMajor: state.server_major,
    rolesMade,
    leaveOut(line) {
      // As "6; 2615 2200 SCHEMA - public postgres"; names are not quoted here.
      const [, name] = /^\d+; \d+ \d+ SCHEMA - (.*)$/.exec(line) ?? []
      return name !== undefined && state.schemas.some((schema) => name.startsWith(`${schema} `))
    },
  }
}

/** Makes the roles that are missing, and tells their names. None may log in: a password is in no backup. */
async function makeRoles(connection: DirectConnection, { roles, memberships }: Manifest): Promise<readonly string[]> {
  const missing = (await connection.query<{ name: string }>(ROLES, [roles.map(({ name }) => name)])).map(
    ({ name }) => name,
  )
  const statements = [
    ...roles
      .filter(({ name }) => missing.includes(name))
      .map(
        ({ name, bypassesRls }) =>
          `create role ${pg.escapeIdentifier(name)} nologin noinherit${bypassesRls ? ' bypassrls' : ''}`,
      ),
    ...memberships
      .filter(({ role, member }) => missing.includes(role) || missing.includes(member))
      .map(
        ({ role, member, inherits, sets }) =>
          `grant ${pg.escapeIdentifier(role)} to ${pg.escapeIdentifier(member)} with inherit ${inherits}, set ${sets}`,
      ),
  ]
  for (const statement of statements) await connection.query(statement)
  return missing
}
