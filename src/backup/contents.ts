import { FleetError } from '../errors.js'
import type { DirectConnection } from './connection.js'
import type { Manifest } from './manifest.js'

/** What a database is, before it is dumped. */
export interface Contents
  extends Pick<
    Manifest,
    | 'database'
    | 'systemIdentifier'
    | 'encoding'
    | 'serverVersion'
    | 'serverMajor'
    | 'schemaVersion'
    | 'databaseBytes'
    | 'roles'
    | 'memberships'
    | 'extensions'
  > {
  /** The tables that a dump holds, as `schema.table`, quoted where needed. */
  readonly tables: readonly string[]
}

/** Roles that were made for this cluster's own use are left out; so is whoever owns the server's own schemas. */
const DATABASE = `
  with named as (
    select distinct d.refobjid as oid from pg_shdepend d
    where d.refclassid = 'pg_authid'::regclass
      and (d.dbid = (select oid from pg_database where datname = current_database()) or (d.classid = 'pg_database'::regclass and d.objid = (select oid from pg_database where datname = current_database())))
    union
    select r.oid from pg_roles r where r.rolname in ('pgfleet_owner', 'pgfleet_app', 'pgfleet_monitor', 'pgfleet_search')
  ),
  roles as (
    select r.oid, r.rolname, r.rolcanlogin, r.rolbypassrls from named n join pg_roles r on r.oid = n.oid
    where not starts_with(r.rolname, 'pg_') and not r.rolsuper
  )
  select current_database() as database, current_setting('server_encoding') as encoding,
    case when has_function_privilege('pg_control_system()', 'execute')
      then (select s.system_identifier::text from pg_control_system() s) end as system_identifier,
    current_setting('server_version') as server_version,
    current_setting('server_version_num')::integer / 10000 as server_major,
    pg_database_size(current_database())::text as bytes,
    (select coalesce(jsonb_agg(jsonb_build_object('name', r.rolname, 'canLogIn', r.rolcanlogin, 'bypassesRls', r.rolbypassrls) order by r.rolname), '[]')
     from roles r) as roles,
    (select coalesce(jsonb_agg(distinct jsonb_build_object('role', r.rolname, 'member', m.rolname, 'inherits', a.inherit_option, 'sets', a.set_option)), '[]')
     from pg_auth_members a join roles r on r.oid = a.roleid join roles m on m.oid = a.member) as memberships,
    (select coalesce(jsonb_agg(jsonb_build_object('name', e.extname, 'version', e.extversion) order by e.extname), '[]')
     from pg_extension e where e.extname <> 'plpgsql') as extensions,
    exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'platform' and c.relname = 'migrations'
    ) as is_migrated`

const TABLES = `
  select format('%I.%I', n.nspname, c.relname) as name,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as is_readable
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema' and not starts_with(n.nspname, 'pg_')
    and not exists (
      select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
  order by 1`

/**
 * Reads what the database is, in the transaction of the snapshot that is dumped. Errors: BACKUP_RIGHT_MISSING when the login
 * would see less than all of it, DATABASE_ERROR.
 */
export async function readContents(connection: DirectConnection): Promise<Contents> {
  const [found] = await connection.query<{
    database: string
    system_identifier: string | null
    encoding: string
    server_version: string
    server_major: number
    bytes: string
    roles: Manifest['roles']
    memberships: Manifest['memberships']
    extensions: Manifest['extensions']
    is_migrated: boolean
  }>(DATABASE)
  if (found === undefined)
    throw new FleetError('DATABASE_ERROR', { message: 'the server told nothing of the database' })
  await assertSeesAll(connection)
  const tables = await connection.query<{ name: string; is_readable: boolean }>(TABLES)
  assertReadable(tables)
  const [schema] = found.is_migrated
    ? await connection.query<{ version: number | null }>('select max(m.version) as version from platform.migrations m')
    : []
  return {
    database: found.database,
    systemIdentifier: found.system_identifier,
    encoding: found.encoding,
    serverVersion: /^\S+/.exec(found.server_version)?.[0] ?? found.server_version,
    serverMajor: found.server_major,
    schemaVersion: schema?.version ?? null,
    databaseBytes: Number(found.bytes),
    roles: found.roles,
    memberships: found.memberships,
    extensions: found.extensions,
    tables: tables.map(({ name }) => name),
  }
}

/** Counts the rows of each table, in the snapshot of the connection's transaction. Errors: DATABASE_ERROR, ABORTED. */
export async function countRows(
  connection: DirectConnection,
  tables: readonly string[],
  signal?: AbortSignal,
): Promise<Manifest['tables']> {
  const counted: Manifest['tables'] = []
  for (const name of tables) {
    if (signal?.aborted) throw new FleetError('ABORTED', { message: 'counting rows was ended', cause: signal.reason })
    // The name comes quoted from the catalogue.
    const [row] = await connection.query<{ rows: string }>(`select count(*)::text as rows from only ${name}`)
    counted.push({ name, rows: Number(row?.rows) })
  }
  return counted
}

/**
 * Refuses a login that would dump, or count, less than all rows: every tenant's table has forced row-level security, for
 * its owner too. Errors: BACKUP_RIGHT_MISSING.
 */
export async function assertSeesAll(connection: DirectConnection): Promise<void> {
  const [login] = await connection.query<{ name: string; sees_all: boolean }>(
    'select r.rolname as name, r.rolsuper or r.rolbypassrls as sees_all from pg_roles r where r.rolname = current_user',
  )
  if (login?.sees_all) return
  throw new FleetError('BACKUP_RIGHT_MISSING', {
    message: `the login ${login?.name} is subject to row-level security, which hides the rows of all tenants from it; it lacks BYPASSRLS`,
    hint: `As a superuser: alter role "${login?.name}" bypassrls; grant pg_read_all_data to "${login?.name}"; or use a superuser.`,
    details: { login: login?.name },
  })
}

function assertReadable(tables: readonly { name: string; is_readable: boolean }[]): void {
  const [first, ...more] = tables.filter(({ is_readable }) => !is_readable)
  if (first === undefined) return
  throw new FleetError('BACKUP_RIGHT_MISSING', {
    message: `the login may not read ${first.name}${more.length > 0 ? ` and ${more.length} other tables` : ''}`,
    hint: 'As a superuser: grant pg_read_all_data to the login; or use a superuser.',
    details: { table: first.name },
  })
}
