import pg from 'pg'
import { sqlstateOf } from '../database/failure.js'
import { FleetError } from '../errors.js'
import type { DirectConnection } from './connection.js'
import type { Manifest } from './manifest.js'

/** A database that is ready to be restored into. */
export interface Target {
  readonly serverMajor: number
  readonly rolesMade: readonly string[]
  /** True for a line of pg_restore's list that this database has already, or that its login may not do and need not. */
  leaveOut(line: string): boolean
}

const STATE = `
  select current_setting('server_version_num')::integer / 10000 as server_major,
    current_user as login,
    (select r.rolsuper from pg_roles r where r.rolname = current_user) as is_superuser,
    (select r.rolsuper or r.rolcreaterole from pg_roles r where r.rolname = current_user) as makes_roles,
    has_database_privilege(current_database(), 'create') as creates,
    (
      select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname <> 'information_schema' and not starts_with(n.nspname, 'pg_')
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
      limit 1
    ) as relation,
    array(select n.nspname::text from pg_namespace n) as schemas,
    array(select e.extname::text from pg_extension e) as extensions`

const EXTENSIONS = `
  select x.name, a.name is not null as is_there, coalesce(bool_or(v.trusted), false) as is_trusted
  from unnest($1::text[]) as x(name)
  left join pg_available_extensions a on a.name = x.name
  left join pg_available_extension_versions v on v.name = x.name
  group by x.name, a.name`

const ROLES = `select x.name from unnest($1::text[]) as x(name) where to_regrole(quote_ident(x.name)) is null`

/**
 * Looks whether the database can take the backup, before anything is changed; then makes the roles that are missing.
 * Errors: RESTORE_TARGET_NOT_EMPTY, RESTORE_UNSUITABLE, BACKUP_RIGHT_MISSING.
 */
export async function prepareTarget(connection: DirectConnection, manifest: Manifest): Promise<Target> {
  const [state] = await connection.query<{
    server_major: number
    login: string
    is_superuser: boolean
    makes_roles: boolean
    creates: boolean
    relation: string | null
    schemas: string[]
    extensions: string[]
  }>(STATE)
  if (state === undefined)
    throw new FleetError('DATABASE_ERROR', { message: 'the server told nothing of the database' })
  if (state.relation !== null) {
    throw new FleetError('RESTORE_TARGET_NOT_EMPTY', { message: `the database holds ${state.relation} already` })
  }
  if (state.server_major < manifest.serverMajor) {
    throw new FleetError('RESTORE_UNSUITABLE', {
      message: `the backup is of PostgreSQL ${manifest.serverVersion}, and this server is ${state.server_major}`,
    })
  }
  const right = (what: string, hint: string) =>
    new FleetError('BACKUP_RIGHT_MISSING', {
      message: `the login ${state.login} ${what}`,
      hint,
      details: { login: state.login },
    })
  if (!state.creates) {
    throw right(
      'may not create schemas in this database',
      `As its owner: grant create on database ... to "${state.login}".`,
    )
  }
  const extensions = await connection.query<{ name: string; is_there: boolean; is_trusted: boolean }>(EXTENSIONS, [
    manifest.extensions.map(({ name }) => name),
  ])
  const lacking = extensions.filter(({ is_there }) => !is_there).map(({ name }) => name)
  if (lacking.length > 0) {
    throw new FleetError('RESTORE_UNSUITABLE', {
      message: `the server does not have the extension ${lacking.join(', ')}`,
      hint: 'Install its package on the server (Debian: postgresql-17-pgvector for vector; postgresql-contrib for the rest).',
      details: { extensions: lacking },
    })
  }
  const forbidden = extensions
    .filter(({ name, is_trusted }) => !is_trusted && !state.extensions.includes(name))
    .map(({ name }) => name)
  if (!state.is_superuser && forbidden.length > 0) {
    throw right(
      `may not create the extension ${forbidden.join(', ')}, which needs a superuser`,
      `As a superuser, in this database: create schema if not exists extensions; ${forbidden.map((name) => `create extension "${name}" with schema extensions;`).join(' ')}`,
    )
  }
  const rolesMade = await makeRoles(connection, manifest, state.makes_roles, right)
  return {
    serverMajor: state.server_major,
    rolesMade,
    leaveOut(line) {
      // As "217; 1259 16402 TABLE schema name owner"; names are not quoted here.
      const [, kind = '', name = ''] = /^\d+; \d+ \d+ (SCHEMA|COMMENT|EXTENSION) (.*)$/.exec(line) ?? []
      if (kind === 'SCHEMA') return state.schemas.some((schema) => name.startsWith(`- ${schema} `))
      return kind === 'COMMENT' && name.startsWith('- EXTENSION ') && !state.is_superuser
    },
  }
}

async function makeRoles(
  connection: DirectConnection,
  { roles, memberships }: Manifest,
  mayMake: boolean,
  right: (what: string, hint: string) => FleetError,
): Promise<readonly string[]> {
  const missing = (await connection.query<{ name: string }>(ROLES, [roles.map(({ name }) => name)])).map(
    ({ name }) => name,
  )
  if (missing.length === 0) return []
  const statements = [
    // None may log in: a password is in no backup.
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
  const hint = `As a superuser: ${statements.join('; ')};`
  if (!mayMake) throw right(`may not create the roles ${missing.join(', ')}; it lacks CREATEROLE`, hint)
  for (const statement of statements) {
    await connection.query(statement).catch((error: unknown) => {
      if (sqlstateOf(error) === '42501') throw right(`may not do: ${statement}`, hint)
      throw error
    })
  }
  // To hand objects over to them, this login has to be able to act as each.
  for (const name of missing) {
    await connection.query(`do $$ begin
      if not pg_has_role(current_user, ${pg.escapeLiteral(name)}, 'SET') then
        execute format('grant %I to current_user with inherit true, set true', ${pg.escapeLiteral(name)});
      end if;
    end $$`)
  }
  return missing
}
