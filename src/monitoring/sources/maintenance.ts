import { FLEET_METRICS } from '../metrics/fleet.js'
import type { Source } from './source.js'

/** The newest runs of each service of `pgfleet maintain`. */
export const maintenance: Source = {
  id: 'maintenance',
  title: 'runs of maintenance, by service',
  needs: { relation: 'platform.maintenance_runs', rights: 'pgfleet_monitor' },
  groups: [FLEET_METRICS.maintenance, FLEET_METRICS.outcome, FLEET_METRICS.lease],
  sql: `
    with runs as (
      select r.service, r.outcome, r.started_at, r.ended_at, row_number() over (partition by r.service order by r.ended_at desc nulls last) as place
      from platform.maintenance_runs r where not r.is_dry_run
    )
    select r.service, max(r.outcome) filter (where r.place = 1) as outcome,
      case when max(r.outcome) filter (where r.place = 1) is not null then 1 end as last_run,
      extract(epoch from clock_timestamp() - max(r.ended_at))::float8 as last_run_age_seconds,
      extract(epoch from clock_timestamp() - max(r.ended_at) filter (where r.outcome in ('ok', 'skipped')))::float8 as last_success_age_seconds,
      coalesce(extract(epoch from clock_timestamp() - max(r.started_at) filter (where r.ended_at is null)), 0)::float8 as running_seconds,
      null::int as is_led
    from runs r
    group by r.service
    union all
    select null, null, null, null, null, null, (select count(*) from platform.maintenance_leases l where l.expires_at > clock_timestamp() and l.lease_name = 'maintenance')`,
}
