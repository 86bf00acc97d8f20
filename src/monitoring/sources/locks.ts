import { ACTIVITY_METRICS } from '../metrics/activity.js'
import type { Source } from './source.js'

/** Locks of the busiest databases, every mode of each, and of the other databases together. */
export const locks: Source = {
  id: 'locks',
  title: 'locks by database and mode',
  groups: [ACTIVITY_METRICS.locks],
  isLimited: true,
  sql: `
    with databases as (
      select d.datid as oid, case when row_number() over (order by d.xact_commit + d.xact_rollback desc, d.datid) <= $1::int
        then d.datname else 'other' end as datname
      from pg_stat_database d where d.datid > 0
    ),
    modes as (
      select unnest(array['accesssharelock', 'rowsharelock', 'rowexclusivelock', 'shareupdateexclusivelock', 'sharelock',
        'sharerowexclusivelock', 'exclusivelock', 'accessexclusivelock', 'sireadlock']) as mode
    ),
    held as (
      select l.database, lower(l.mode) as mode, count(*) as count
      from pg_locks l where l.database is not null and l.pid is distinct from pg_backend_pid()
      group by 1, 2
    )
    select d.datname, m.mode, coalesce(sum(h.count), 0) as count
    from databases d cross join modes m left join held h on h.database = d.oid and h.mode = m.mode
    group by d.datname, m.mode`,
}
