import { DATABASE_METRICS } from '../metrics/database.js'
import type { Source } from './source.js'

/** Databases by what happens in them: the busiest, and the rest as one. */
export const databases: Source = {
  id: 'databases',
  title: 'transactions, rows and pages by database',
  groups: [DATABASE_METRICS.statistics, DATABASE_METRICS.sessions],
  isRanked: true,
  sql: `
    with ranked as (
      select d.*, row_number() over (order by d.xact_commit + d.xact_rollback desc, d.datid) as place
      from pg_stat_database d where d.datid > 0
    )
    select r.datid::text as key, r.place <= $1::int as is_top, r.datid::text, r.datname, r.numbackends, r.xact_commit, r.xact_rollback, r.blks_read,
      r.blks_hit, r.tup_returned, r.tup_fetched, r.tup_inserted, r.tup_updated, r.tup_deleted, r.conflicts, r.temp_files, r.temp_bytes, r.deadlocks,
      r.blk_read_time, r.blk_write_time, r.active_time / 1000 as active_time_seconds_total, extract(epoch from r.stats_reset)::float8 as stats_reset,
      r.sessions as sessions_total, r.sessions_abandoned as sessions_abandoned_total, r.sessions_fatal as sessions_fatal_total,
      r.sessions_killed as sessions_killed_total, r.checksum_failures as checksum_failures_total
    from ranked r where r.place <= $1::int or r.datid::text = any ($2::text[])
    union all
    select null, false, null, null, sum(r.numbackends), sum(r.xact_commit), sum(r.xact_rollback), sum(r.blks_read),
      sum(r.blks_hit), sum(r.tup_returned), sum(r.tup_fetched), sum(r.tup_inserted), sum(r.tup_updated), sum(r.tup_deleted), sum(r.conflicts),
      sum(r.temp_files), sum(r.temp_bytes), sum(r.deadlocks), sum(r.blk_read_time), sum(r.blk_write_time), sum(r.active_time) / 1000, null,
      sum(r.sessions), sum(r.sessions_abandoned), sum(r.sessions_fatal), sum(r.sessions_killed), sum(r.checksum_failures)
    from ranked r`,
}
