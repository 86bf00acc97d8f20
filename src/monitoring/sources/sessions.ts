import { ACTIVITY_METRICS } from '../metrics/activity.js'
import type { Source } from './source.js'

/** Sessions by what they do; clients name themselves, so most kinds are told and the rest as one. */
export const sessions: Source = {
  id: 'sessions',
  title: 'sessions by state, login and wait',
  needs: { all: true, rights: 'pg_monitor' },
  groups: [ACTIVITY_METRICS.sessions],
  isLimited: true,
  sql: `
    with kinds as (
      select coalesce(a.datname, '') as datname, coalesce(a.state, '') as state, coalesce(a.usename, '') as usename, a.application_name,
        coalesce(a.backend_type, '') as backend_type, coalesce(a.wait_event_type, '') as wait_event_type, coalesce(a.wait_event, '') as wait_event,
        count(*) as count, coalesce(max(extract(epoch from clock_timestamp() - a.xact_start)), 0)::float8 as max_tx_duration
      from pg_stat_activity a where a.pid <> pg_backend_pid()
      group by 1, 2, 3, 4, 5, 6, 7
    ),
    ranked as (
      select k.*, row_number() over (order by k.count desc, k.max_tx_duration desc) as place from kinds k
    )
    select r.datname, r.state, r.usename, r.application_name, r.backend_type, r.wait_event_type, r.wait_event, r.count, r.max_tx_duration
    from ranked r where r.place <= $1::int
    union all
    select 'other', 'other', 'other', 'other', 'other', 'other', 'other', sum(r.count), max(r.max_tx_duration)
    from ranked r where r.place > $1::int having count(*) > 0`,
}
