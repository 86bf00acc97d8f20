import type { ServerState } from './snapshot.js'
import type { Row } from './sources/source.js'
import { RELATIONS } from './sources/source.js'

/** What a collection asks first. */
export interface ServerAnswer extends ServerState {
  /** Schemas of the extensions that sources read, quoted where they have to be. */
  readonly extensions: Readonly<Record<string, string>>
  /** Those of RELATIONS that the database has. */
  readonly relations: readonly string[]
  /** The login sees rows of all tenants where a policy lets pgfleet_monitor, or is held back by no policy. */
  readonly seesTenants: boolean
  /** When the database's statistics were reset, in seconds since 1970; null for never. */
  readonly statisticsReset: number | null
}

/** Asked once a connection, and by itself: not every service lets everybody run it. */
export const IDENTITY = 'select system_identifier::text as "systemIdentifier" from pg_control_system()'

/** The timeline of a replica is the one of its last checkpoint; a primary knows by the name of the file that it writes. */
export const STATE = `
  select pg_is_in_recovery() as "inRecovery", extract(epoch from pg_postmaster_start_time())::float8 as "startedAt",
    current_setting('server_version_num')::int / 10000 as major, split_part(current_setting('server_version'), ' ', 1) as version,
    current_database() as database, current_user as user, pg_has_role(current_user, 'pg_read_all_stats', 'usage') as "seesAll",
    exists (select from pg_roles r where r.rolname = current_user and (r.rolsuper or r.rolbypassrls))
      or coalesce(pg_has_role(current_user, to_regrole('pgfleet_monitor'), 'usage'), false) as "seesTenants",
    case when not pg_is_in_recovery() then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline,
    (select extract(epoch from d.stats_reset)::float8 from pg_stat_database d where d.datname = current_database()) as "statisticsReset",
    (select coalesce(jsonb_object_agg(e.extname, quote_ident(n.nspname)), '{}') from pg_extension e join pg_namespace n on n.oid = e.extnamespace
      where e.extname in ('pg_stat_statements', 'pg_buffercache')) as extensions,
    (select coalesce(jsonb_agg(n.nspname || '.' || c.relname), '[]') from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname in ('${RELATIONS.map((name) => name.split('.')[1]).join("', '")}')
        and n.nspname || '.' || c.relname in ('${RELATIONS.join("', '")}')) as relations`

/** Asked of a replica. */
export const REPLICA_TIMELINE = 'select timeline_id as timeline from pg_control_checkpoint()'

/** The answer of STATE, with what was asked besides. */
export function toServerAnswer(row: Row, systemIdentifier: string, replicaTimeline: number): ServerAnswer {
  const { startedAt, timeline, ...rest } = row as unknown as ServerAnswer & {
    startedAt: number
    timeline: number | null
  }
  return {
    ...rest,
    startedAt: new Date(startedAt * 1000),
    timeline: timeline ?? replicaTimeline,
    systemIdentifier,
  }
}

/** What of a server made its counters start anew between two looks. */
export type ResetReason = 'failover' | 'promotion' | 'restart' | 'statistics'

/** All reasons. */
export const RESET_REASONS: readonly ResetReason[] = ['failover', 'promotion', 'restart', 'statistics']

/** Why counters of two looks cannot be compared; undefined where they can. The first that applies, the gravest first. */
export function resetBetween(before: ServerState, after: ServerState): ResetReason | undefined {
  if (before.systemIdentifier !== after.systemIdentifier) return 'failover'
  if (before.timeline !== after.timeline || before.inRecovery !== after.inRecovery) return 'promotion'
  // A server keeps the time of its start, whatever is done to its clock; a snapshot has it in milliseconds.
  if (Math.abs(before.startedAt.getTime() - after.startedAt.getTime()) > 1) return 'restart'
  const [earlier, later] = [before, after] as readonly Partial<ServerAnswer>[]
  if ((earlier?.statisticsReset ?? null) !== (later?.statisticsReset ?? null)) return 'statistics'
  return undefined
}
