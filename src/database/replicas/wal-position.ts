import { statement } from '../statement.js'

/** A place in the write-ahead log, as bytes from its beginning. */
export type WalPosition = bigint

/** Reads PostgreSQL's text of a position, two hexadecimal numbers like `16/B374D848`. */
export function toWalPosition(text: string): WalPosition {
  const [high, low] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

/**
 * How far the primary's log reaches. $1: whether transactions count that were acknowledged before they were on disk; they
 * lie before the position where the next record goes, while what is on disk ends at another. A login may have made every
 * commit of its own such a one.
 */
export const PRIMARY_POSITION = statement<{ position: string; system: string | null; recovering: boolean }>(
  'platform.primary_position',
  `select case
      when pg_is_in_recovery() then pg_last_wal_replay_lsn()
      when $1::boolean or current_setting('synchronous_commit') = 'off' then pg_current_wal_insert_lsn()
      else pg_current_wal_flush_lsn()
    end::text as position,
    case when has_function_privilege('pg_control_system()', 'execute')
      then (select s.system_identifier::text from pg_control_system() s) end as system,
    pg_is_in_recovery() as recovering`,
)

/** How far a replica has come. */
export const REPLICA_POSITION = statement<{ position: string | null; system: string | null; recovering: boolean }>(
  'platform.replica_position',
  `select pg_last_wal_replay_lsn()::text as position,
    case when has_function_privilege('pg_control_system()', 'execute')
      then (select s.system_identifier::text from pg_control_system() s) end as system,
    pg_is_in_recovery() as recovering`,
)
