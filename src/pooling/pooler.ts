import { FleetError } from '../errors.js'
import { type ConnectionBudget, connectionBudget, type ServerLimits } from './pool-size.js'

/** What a PgBouncer is to be. */
export interface PoolerRequest extends ServerLimits {
  readonly host: string
  readonly port: number
  /** The database that clients may ask for. */
  readonly database: string
  /** Connections that do the work: of one login, for a pool is for each pair of login and database. */
  readonly poolSize: number
  /** Poolers of this kind in front of the server, from 1; they share its connections. */
  readonly poolers: number
  /** Connections kept for whoever comes without a pooler. */
  readonly directConnections: number
  /** Most clients at once. */
  readonly clientsMax: number
  readonly listenHost: string
  readonly listenPort: number
  /** The pooler's own login, which looks up the verifiers of others. */
  readonly user: string
  /** Where the file with that login's password will be. */
  readonly userFile: string
  /** Whether the server takes encrypted connections; null where nobody asked it. */
  readonly serverTls: boolean | null
  /** Certificate and key for clients' encrypted connections. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string } | undefined
}

/** The sizes of a pooler that fit its server. */
export interface PoolerPlan extends PoolerRequest {
  readonly budget: ConnectionBudget
  /** Most connections of one pooler to the database, whoever asks. */
  readonly databaseConnectionsMax: number
  /** Connections of one login. */
  readonly defaultPoolSize: number
  /** Connections that a login gets beyond these when its clients have waited for some seconds. */
  readonly reservePoolSize: number
}

const LOOPBACK = /^(127\.|::1$|localhost$)/
const EVERYWHERE = /^(\*|0\.0\.0\.0|::)$/

/**
 * Shares the server's connections out. Errors: INPUT_INVALID (`maxConnections`) when none is left for a pool, and
 * (`tls`) for a pooler that would listen on every network of its machine without encryption.
 */
export function planPooler(request: PoolerRequest): PoolerPlan {
  const budget = connectionBudget(request, request.directConnections)
  const databaseConnectionsMax = Math.floor(budget.pooledConnections / request.poolers)
  if (databaseConnectionsMax < 1) {
    throw new FleetError('INPUT_INVALID', {
      message: `maxConnections: of ${request.maxConnections} connections ${request.reservedConnections} are reserved and ${request.directConnections} kept for direct ones: none is left for each of ${request.poolers} poolers`,
      field: 'maxConnections',
      hint: 'Raise max_connections of the server, or keep fewer direct connections.',
    })
  }
  if (EVERYWHERE.test(request.listenHost) && request.tls === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: `tls: ${request.listenHost} is every network of the machine; passwords and rows would cross them in the clear`,
      field: 'tls',
      hint: 'Give a certificate and its key, or listen on one address.',
    })
  }
  const defaultPoolSize = Math.min(request.poolSize, databaseConnectionsMax)
  const reservePoolSize = Math.min(Math.ceil(defaultPoolSize / 4), databaseConnectionsMax - defaultPoolSize)
  return { ...request, budget, databaseConnectionsMax, defaultPoolSize, reservePoolSize }
}

/** pgbouncer.ini, for PgBouncer 1.21 or newer. Comments stand on lines of their own: behind a value they would be part of it. */
export function poolerIni(plan: PoolerPlan): string {
  const { budget, poolers, tls } = plan
  const isLocal = LOOPBACK.test(plan.host)
  return `; PgBouncer in transaction mode: a connection of the server belongs to a client for one transaction at a time.

[databases]
${iniName(plan.database)} = host=${plan.host} port=${plan.port} dbname=${iniValue(plan.database)}

[pgbouncer]
listen_addr = ${plan.listenHost}
listen_port = ${plan.listenPort}
unix_socket_dir =
${
  tls === undefined
    ? ''
    : `client_tls_sslmode = require
client_tls_cert_file = ${tls.certificateFile}
client_tls_key_file = ${tls.keyFile}
`
}${isLocal || plan.serverTls === false ? '' : `; Encrypted; verify-full with server_tls_ca_file also makes sure that it is the right server.\nserver_tls_sslmode = ${plan.serverTls ? 'require' : 'prefer'}\n`}
; Whoever may log in to the server may log in here, by the same password: the verifier is looked up.
auth_type = scram-sha-256
auth_file = ${plan.userFile}
auth_user = ${plan.user}
auth_dbname = ${plan.database}
auth_query = select role_name, verifier from pooler.find_role($1)

pool_mode = transaction
; Drivers prepare statements: kept here, and prepared on each connection of the server that meets them.
max_prepared_statements = 200

; The server allows ${budget.maxConnections} connections; ${budget.reservedConnections} are reserved, ${budget.directConnections} kept for direct ones. The other ${budget.pooledConnections} are shared by ${poolers} pooler${poolers === 1 ? '' : 's'}.
max_db_connections = ${plan.databaseConnectionsMax}
; For each pair of a login and a database.
default_pool_size = ${plan.defaultPoolSize}
reserve_pool_size = ${plan.reservePoolSize}
reserve_pool_timeout = 3
; Each takes a file of the process: its limit of open files has to be higher.
max_client_conn = ${plan.clientsMax}

; A client that waits longer for a connection gets an error instead of none; a server that is back is found in a second.
query_wait_timeout = 30
server_login_retry = 1

stats_users = ${plan.user}
log_connections = 0
log_disconnections = 0
`
}

/** SQL for a superuser, in the database of the pools: the pooler's login, and the one function that it may call. */
export function poolerSql(plan: Pick<PoolerPlan, 'user'>, verifier: string): string {
  const user = `"${plan.user.replaceAll('"', '""')}"`
  const name = plan.user.replaceAll("'", "''")
  return `-- Makes the login of PgBouncer. Run it once, as a superuser, in the database that is pooled; safe to repeat.
begin;

do $make$
begin
  if not exists (select from pg_catalog.pg_roles r where r.rolname = '${name}') then
    create role ${user};
  end if;
  -- Where the right to connect was taken from everybody.
  execute pg_catalog.format('grant connect on database %I to ${user}', pg_catalog.current_database());
end
$make$;
alter role ${user} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password '${verifier}';

create schema if not exists pooler;
revoke all on schema pooler from public;
grant usage on schema pooler to ${user};

-- The one thing that the login may do beyond connecting: read the verifier of a role that wants to log in.
create or replace function pooler.find_role(wanted text, out role_name text, out verifier text)
returns setof record
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  select a.rolname::text, a.rolpassword
  from pg_catalog.pg_authid as a
  where a.rolname = wanted::name
    and a.rolcanlogin
    and not a.rolsuper
    and (a.rolvaliduntil is null or a.rolvaliduntil > now());
end;
revoke all on function pooler.find_role(text) from public;
grant execute on function pooler.find_role(text) to ${user};

commit;
`
}

/** The file that auth_file names: the login's password, for PgBouncer logs in to the server with it. */
export function poolerUsers(plan: Pick<PoolerPlan, 'user'>, password: string): string {
  return `"${plan.user.replaceAll('"', '""')}" "${password}"\n`
}

/** A database's name at the beginning of a line. */
function iniName(name: string): string {
  return /^[A-Za-z0-9_]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** A value within a connection string of the section [databases]. */
function iniValue(value: string): string {
  return /^[A-Za-z0-9_]+$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`
}
