import { counter, gauge, group } from './family.js'

const NAMED = ['datname'] as const
const MILLISECONDS = 'in milliseconds; 0 unless track_io_timing is on.'

/** Databases of the server: the busiest, and `other` for the rest. */
export const DATABASE_METRICS = {
  statistics: group('pg_stat_database_', ['datid', 'datname'], {
    numbackends: gauge('Sessions in the database.'),
    xact_commit: counter('Transactions committed.'),
    xact_rollback: counter('Transactions rolled back.'),
    blks_read: counter('Pages read from outside shared buffers: the disk, or the memory of its system.'),
    blks_hit: counter('Pages found in shared buffers.'),
    tup_returned: counter('Rows read by scans.'),
    tup_fetched: counter('Rows fetched by index scans.'),
    tup_inserted: counter('Rows inserted.'),
    tup_updated: counter('Rows updated.'),
    tup_deleted: counter('Rows deleted.'),
    conflicts: counter('Queries cancelled on a replica because of replay.'),
    temp_files: counter('Temporary files written by queries.'),
    temp_bytes: counter('Bytes of temporary files written by queries.'),
    deadlocks: counter('Deadlocks found.'),
    blk_read_time: counter(`Time spent reading pages, ${MILLISECONDS}`),
    blk_write_time: counter(`Time spent writing pages, ${MILLISECONDS}`),
    active_time_seconds_total: counter('Time that sessions spent in statements.'),
    stats_reset: gauge('When these statistics were reset, in seconds since 1970.'),
  }),
  sessions: group('pgfleet_database_', ['datname'], {
    sessions_total: counter('Sessions begun.'),
    sessions_abandoned_total: counter('Sessions that ended because their client vanished.'),
    sessions_fatal_total: counter('Sessions that ended by an error.'),
    sessions_killed_total: counter('Sessions that an operator ended.'),
    checksum_failures_total: counter('Pages whose checksum was wrong. Absent without checksums.'),
  }),
  size: group('pg_database_', NAMED, {
    size_bytes: gauge('Size on disk. Read at the slow pace.'),
    connection_limit: gauge('Sessions that the database allows; -1 for no limit.'),
  }),
  wraparound: group('pg_database_wraparound_age_', NAMED, {
    datfrozenxid_seconds: gauge(
      'Age of the oldest transaction id that is not frozen, in transactions; in spite of its name no seconds.',
    ),
    datminmxid_seconds: gauge('Age of the oldest multixact id, in multixacts; in spite of its name no seconds.'),
  }),
} as const
