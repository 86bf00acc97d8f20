import { FLEET_METRICS } from '../metrics/fleet.js'
import type { Source } from './source.js'

/** The queue of jobs of all tenants. */
export const jobs: Source = {
  id: 'jobs',
  title: 'jobs in the queue, by state',
  needs: {
    relation: 'delivery.jobs',
    rights: 'pgfleet_monitor',
    tenants: true,
  },
  groups: [FLEET_METRICS.jobs],
  sql: `
    with jobs as (
      select case
          when j.held then 'held'
          when j.lease is not null and j.available_at > clock_timestamp() then 'leased'
          when j.lease is not null then 'expired'
          when j.available_at > clock_timestamp() then 'waiting'
          else 'ready'
        end as state,
        case when j.lease is not null then j.leased_at else j.ready_at end as since
      from delivery.jobs j
      limit 100000
    )
    select s.state, count(j.state) as depth, coalesce(extract(epoch from clock_timestamp() - min(j.since)), 0)::float8 as oldest_seconds
    from unnest(array['ready', 'waiting', 'leased', 'expired', 'held']) s (state) left join jobs j on j.state = s.state
    group by s.state`,
}
