import type { Connection } from '../doctor/connection.js'
import { FleetError } from '../errors.js'

/** How long a server has counted the scans of its indexes. */
export interface Observation {
  /** Seconds since its statistics were reset, or since it started where they never were. */
  readonly seconds: number
  /** Standbys that stream from it now. */
  readonly standbys: number
}

/** What a replica has counted by itself. */
export interface ReplicaScans extends Observation {
  /** What makes it another server than the next one. */
  readonly identity: string
  /** Scans of indexes, and seconds since the last, by oid. */
  readonly scans: ReadonlyMap<number, { readonly scans: number; readonly idle: number | undefined }>
}

/** Reads since when a server counts, and who streams from it: a base backup and logical decoding read no index. */
export const OBSERVATION = `
  select extract(epoch from now() - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8 as seconds,
    (select count(*) from pg_stat_replication r where r.application_name <> 'pg_basebackup' and coalesce(r.state, 'streaming') in ('streaming', 'catchup')
      and not exists (select from pg_replication_slots s where s.slot_type = 'logical' and s.active_pid = r.pid))::int as standbys
  from pg_stat_database d where d.datname = current_database()`

/** Who a server is, by its cluster. */
export const SYSTEM = `select (select system_identifier::text from pg_control_system()) as system`

const SCANS = `
  select s.indexrelid::int8::float8 as oid, s.idx_scan::float8 as scans, {idle} as idle from pg_stat_user_indexes s`

/** Asks a replica what it has scanned. Errors: OPTIONS_INVALID for a server that is no replica of this one. */
export async function readReplica(
  connection: Connection,
  { system, database }: { system: string | undefined; database: string },
  at: string,
): Promise<ReplicaScans> {
  const refuse = (message: string) =>
    new FleetError('OPTIONS_INVALID', { message: `${at} ${message}`, field: 'replica' })
  const [who] = await connection.query<{ recovery: boolean; identity: string; database: string; major: number }>(
    `select pg_is_in_recovery() as recovery, concat_ws(' ', inet_server_addr(), inet_server_port(), pg_postmaster_start_time()) as identity, current_database() as database,
      current_setting('server_version_num')::int / 10000 as major`,
  )
  if (who?.recovery !== true) throw refuse('is no standby: it does not recover')
  if (who.database !== database) throw refuse(`is of the database ${who.database}, and this of ${database}`)
  const [own] = await connection.query<{ system: string }>(SYSTEM).catch(() => [])
  if (system !== undefined && own !== undefined && own.system !== system) throw refuse('belongs to another cluster')
  const [observed] = await connection.query<Observation>(OBSERVATION)
  if (observed === undefined) throw refuse('does not tell since when it counts')
  const idle = who.major >= 16 ? 'extract(epoch from now() - s.last_idx_scan)::float8' : 'null::float8'
  const rows = await connection.query<{ oid: number; scans: number; idle: number | null }>(
    SCANS.replace('{idle}', idle),
  )
  return {
    ...observed,
    identity: who.identity,
    scans: new Map(rows.map(({ oid, scans, idle: rest }) => [oid, { scans, idle: rest ?? undefined }])),
  }
}
