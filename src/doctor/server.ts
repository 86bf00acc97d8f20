import { FleetError } from '../errors.js'
import { PROVIDER, type ProviderRole } from './provider.js'

/** Oldest and newest major that the checks know. */
export const MAJORS = { oldest: 15, newest: 18 } as const

/** An extension of the database. */
export interface Extension {
  /** Its schema, quoted where it has to be. */
  readonly schema: string
  readonly version: string
}

/** What all checks may ask about the server, the database and the login. */
export interface ServerFacts {
  /** 15 to 18. */
  readonly major: number
  /** `17.11`, without what a distribution adds. */
  readonly version: string
  readonly database: string
  readonly user: string
  readonly superuser: boolean
  /** Sees the sessions and statistics of all users. */
  readonly monitor: boolean
  readonly inRecovery: boolean
  /** Who runs the server, known by a role of theirs; null for one of one's own. */
  readonly provider: ProviderRole | null
  /** Time of the server. */
  readonly now: Date
  readonly startedAt: Date
  readonly tables: number
  readonly indexes: number
  /** Size of tables and indexes when they were last vacuumed or analysed. */
  readonly bytes: number
  readonly extensions: Readonly<Record<string, Extension>>
  /** Those of RELATIONS that the database has. */
  readonly relations: readonly string[]
  /** Settings as the server has them, in their own units. */
  readonly settings: Readonly<Record<string, string>>
  /** Memory of the machine or its control group, in bytes; undefined where nobody can tell. */
  readonly memoryBytes: number | undefined
  /** Size of all databases that the login may measure, in bytes; undefined where that failed. */
  readonly databaseBytes: number | undefined
  /** Seconds that the server's clock is ahead of this machine's, and how exactly that is known. */
  readonly clock: { readonly ahead: number; readonly within: number }
}

/** Tables that some checks read and not every database has. */
export const RELATIONS = ['platform.partitioned_tables'] as const

/** Reads the version alone: it works on any server that speaks the protocol. */
export const VERSION = `select current_setting('server_version_num') as number, version() as text`

/** Reads the facts, memory aside. */
export const FACTS = `
  select current_setting('server_version_num')::int / 10000 as major,
    split_part(current_setting('server_version'), ' ', 1) as version,
    current_database() as database, current_user as user,
    (select rolsuper from pg_roles where rolname = current_user) as superuser,
    pg_has_role(current_user, 'pg_read_all_stats', 'usage') as monitor,
    pg_is_in_recovery() as "inRecovery",
    ${PROVIDER} as provider, now() as now, pg_postmaster_start_time() as "startedAt",
    count(*) filter (where c.relkind in ('r', 'p', 'm'))::int as tables,
    count(*) filter (where c.relkind in ('i', 'I'))::int as indexes,
    coalesce(sum(c.relpages) * current_setting('block_size')::bigint, 0)::float8 as bytes,
    (select coalesce(jsonb_object_agg(e.extname,
        jsonb_build_object('schema', quote_ident(n.nspname), 'version', e.extversion)), '{}')
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace) as extensions,
    (select coalesce(jsonb_agg(r.name), '[]') from unnest(array['${RELATIONS.join("', '")}']) as r (name)
      where exists (select from pg_class k join pg_namespace o on o.oid = k.relnamespace
        where o.nspname = split_part(r.name, '.', 1) and k.relname = split_part(r.name, '.', 2))) as relations,
    (select jsonb_object_agg(s.name, coalesce(s.setting, '')) from pg_settings s
      where s.name not in ('primary_conninfo', 'ssl_passphrase_command', 'archive_command', 'restore_command')) as settings
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_toast%'`

/**
 * The memory of the machine that the server runs on, as its own files tell it: the control group's limit first, then the
 * machine's. For superusers, and for roles that may read the server's files.
 */
export const MEMORY = `
  select pg_read_file('/sys/fs/cgroup/memory.max', 0, 100, true) as v2,
    pg_read_file('/sys/fs/cgroup/memory/memory.limit_in_bytes', 0, 100, true) as v1,
    pg_read_file('/proc/meminfo', 0, 200, true) as machine`

/** The size of all databases; a moment's look at their files. */
export const SIZE = `
  select sum(case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage')
    then pg_database_size(d.oid) end)::float8 as bytes from pg_database d where d.datallowconn`

/** The time of the server, to hold against ours before and after. */
export const CLOCK = 'select extract(epoch from clock_timestamp())::float8 * 1000 as now'

/** The least of the limits in the server's files; undefined when there is none. "max" and what is missing do not count. */
export function memoryOf({
  v2,
  v1,
  machine,
}: {
  v2: string | null
  v1: string | null
  machine: string | null
}): number | undefined {
  const kilobytes = /^MemTotal:\s+(\d+) kB/m.exec(machine ?? '')?.[1]
  const limits = [v2, v1].map((text) => (/^\d+\s*$/.test(text ?? '') ? Number(text) : Number.POSITIVE_INFINITY))
  const least = Math.min(...limits, kilobytes === undefined ? Number.POSITIVE_INFINITY : Number(kilobytes) * 1024)
  return Number.isFinite(least) ? least : undefined
}

/** Refuses a server of another major by its answer to VERSION. Errors: DATABASE_UNEXAMINED. */
export function assertSupported([answer]: readonly { readonly number: string; readonly text: string }[]): void {
  const major = Math.floor(Number(answer?.number) / 10_000)
  if (major >= MAJORS.oldest && major <= MAJORS.newest) return
  throw new FleetError('DATABASE_UNEXAMINED', {
    message: `the server is ${answer?.text.split(' on ')[0] ?? 'of an unknown version'}; PostgreSQL ${MAJORS.oldest} to ${MAJORS.newest} are supported`,
    hint:
      major < MAJORS.oldest
        ? 'That version gets no more corrections: plan an upgrade of the server.'
        : 'Use a newer pgfleet.',
  })
}
