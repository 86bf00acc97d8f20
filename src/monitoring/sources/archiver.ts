import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** Archiving of WAL. */
export const archiver: Source = {
  id: 'archiver',
  title: 'archiving of WAL',
  groups: [WRITING_METRICS.archiver, WRITING_METRICS.archiving],
  sql: `
    select a.archived_count, a.failed_count, extract(epoch from clock_timestamp() - a.last_archived_time)::float8 as last_archive_age,
      case when current_setting('archive_mode') <> 'off' then f.failing::int end as failing,
      case when current_setting('archive_mode') = 'off' then null
        when f.failing then extract(epoch from clock_timestamp() - coalesce(a.last_archived_time, pg_postmaster_start_time())) else 0 end::float8
        as failing_seconds
    from pg_stat_archiver a cross join lateral (
      select a.last_failed_time is not null and a.last_failed_time > coalesce(a.last_archived_time, '-infinity') as failing) f`,
}
