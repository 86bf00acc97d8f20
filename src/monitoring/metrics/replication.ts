import { gauge, group } from './family.js'

const STANDBY = ['application_name', 'client_addr', 'state'] as const

/** Standbys and slots, as the server that feeds them sees them. */
export const REPLICATION_METRICS = {
  standbys: group('pg_stat_replication_', STANDBY, {
    pg_current_wal_lsn_bytes: gauge('The end of this server’s WAL, as a number of bytes.'),
    pg_wal_lsn_diff: gauge('Bytes of WAL that the standby has not replayed.'),
  }),
  stages: group('pgfleet_replication_', ['application_name', 'client_addr', 'stage'], {
    lag_bytes: gauge('Bytes of WAL that the standby has not sent, written, flushed or replayed, by stage.'),
    lag_seconds: gauge(
      'Time that a standby took to write, flush or replay, by stage; absent while it has nothing to do.',
    ),
  }),
  slots: group('pg_replication_slot_', ['slot_name', 'slot_type'], {
    slot_current_wal_lsn: gauge('The end of this server’s WAL, as a number of bytes.'),
    slot_confirmed_flush_lsn: gauge(
      'How far the reader of the slot has confirmed (a physical slot: from where it needs WAL), as a number of bytes.',
    ),
    slot_is_active: gauge('1 while somebody reads from the slot, else 0.'),
    safe_wal_size_bytes: gauge(
      'Bytes that can be written before the slot is in danger; absent without max_slot_wal_keep_size.',
    ),
  }),
  slotStatus: group('pg_replication_slot_', ['slot_name', 'slot_type', 'wal_status'], {
    wal_status: gauge(
      'Always 1; wal_status says whether the WAL that the slot needs is there: reserved, extended, unreserved, lost.',
    ),
  }),
  retained: group('pgfleet_replication_slot_', ['slot_name', 'slot_type'], {
    retained_bytes: gauge('Bytes of WAL that are kept for the slot.'),
    inactive_seconds: gauge('Since when nobody reads from the slot; 0 while somebody does. PostgreSQL 17 and newer.'),
  }),
} as const
