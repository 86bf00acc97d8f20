import { counter, gauge, group } from './family.js'

/** Checkpoints, WAL, archiving, I/O. */
export const WRITING_METRICS = {
  bgwriter: group('pg_stat_bgwriter_', [], {
    checkpoints_timed_total: counter('Checkpoints that were due. PostgreSQL 15 and 16.'),
    checkpoints_req_total: counter('Checkpoints that were requested. PostgreSQL 15 and 16.'),
    checkpoint_write_time_total: counter('Milliseconds spent writing in checkpoints. PostgreSQL 15 and 16.'),
    checkpoint_sync_time_total: counter('Milliseconds spent syncing in checkpoints. PostgreSQL 15 and 16.'),
    buffers_checkpoint_total: counter('Buffers written by checkpoints. PostgreSQL 15 and 16.'),
    buffers_backend_total: counter('Buffers written by backends themselves. PostgreSQL 15 and 16.'),
    buffers_backend_fsync_total: counter('Times that a backend had to sync a file itself. PostgreSQL 15 and 16.'),
    buffers_clean_total: counter('Buffers written by the background writer.'),
    maxwritten_clean_total: counter('Times that the background writer stopped at its limit.'),
    buffers_alloc_total: counter('Buffers allocated.'),
    stats_reset_total: gauge(
      'When these statistics were reset, in seconds since 1970; in spite of its name no counter.',
    ),
  }),
  checkpointer: group('pg_stat_checkpointer_', [], {
    num_timed_total: counter('Checkpoints that were due. PostgreSQL 17 and newer.'),
    num_requested_total: counter('Checkpoints that were requested. PostgreSQL 17 and newer.'),
    restartpoints_timed_total: counter('Restartpoints that were due. PostgreSQL 17 and newer.'),
    restartpoints_req_total: counter('Restartpoints that were requested. PostgreSQL 17 and newer.'),
    restartpoints_done_total: counter('Restartpoints that were made. PostgreSQL 17 and newer.'),
    write_time_total: counter('Milliseconds spent writing in checkpoints. PostgreSQL 17 and newer.'),
    sync_time_total: counter('Milliseconds spent syncing in checkpoints. PostgreSQL 17 and newer.'),
    buffers_written_total: counter('Buffers written by checkpoints. PostgreSQL 17 and newer.'),
    stats_reset_total: gauge(
      'When these statistics were reset, in seconds since 1970; in spite of its name no counter.',
    ),
  }),
  checkpoints: group('pgfleet_', ['kind'], {
    checkpoints_total: counter('Checkpoints begun, by kind: timed or requested. The same on every version.'),
  }),
  archiver: group('pg_stat_archiver_', [], {
    archived_count: counter('WAL files archived.'),
    failed_count: counter('Attempts to archive that failed.'),
    last_archive_age: gauge(
      'Seconds since a WAL file was archived. It grows while nothing is written: see pgfleet_archiver_failing.',
    ),
  }),
  archiving: group('pgfleet_archiver_', [], {
    failing: gauge('1 while the last attempt to archive failed, else 0. Absent where nothing is archived.'),
    failing_seconds: gauge(
      'Seconds since a WAL file was archived (since the last start, where none was), while attempts fail; else 0.',
    ),
  }),
  files: group('pg_wal_', [], {
    segments: gauge('WAL files on the server’s disk.'),
    size_bytes: gauge('Their size.'),
  }),
  wal: group('pgfleet_wal_', [], {
    records_total: counter('WAL records written.'),
    fpi_total: counter('Full images of pages written to WAL.'),
    bytes_total: counter('Bytes of WAL written.'),
    buffers_full_total: counter('Times that WAL was written because its buffers were full.'),
  }),
  io: group('pgfleet_io_', ['backend_type', 'object', 'context'], {
    reads_total: counter('Read operations. PostgreSQL 16 and newer, as all of pgfleet_io_.'),
    read_bytes_total: counter('Bytes read.'),
    read_seconds_total: counter('Time spent reading; 0 unless track_io_timing is on.'),
    writes_total: counter('Write operations.'),
    write_bytes_total: counter('Bytes written.'),
    write_seconds_total: counter('Time spent writing; 0 unless track_io_timing is on.'),
    extends_total: counter('Operations that made a file longer.'),
    hits_total: counter('Pages found in shared buffers.'),
    evictions_total: counter('Pages that had to give way to another.'),
    fsyncs_total: counter('Calls of fsync.'),
  }),
  buffers: group('pg_buffercache_summary_', [], {
    buffers_used: gauge('Shared buffers in use.'),
    buffers_unused: gauge('Shared buffers not in use.'),
    buffers_dirty: gauge('Shared buffers that have to be written.'),
    buffers_pinned: gauge('Shared buffers that are pinned.'),
    usagecount_avg: gauge('Average use count of the buffers in use.'),
  }),
} as const
