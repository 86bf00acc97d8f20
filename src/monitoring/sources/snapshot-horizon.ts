import { ACTIVITY_METRICS } from '../metrics/activity.js'
import type { Source } from './source.js'

/** Who keeps vacuum from removing rows, by kind. */
export const snapshotHorizon: Source = {
  id: 'snapshot-horizon',
  title: 'the oldest snapshot, by who holds it',
  needs: { all: true, rights: 'pg_monitor' },
  groups: [ACTIVITY_METRICS.horizon],
  sql: `
    select 'session' as component, coalesce(max(greatest(age(a.backend_xmin), age(a.backend_xid))), 0) as xmin_age_transactions
    from pg_stat_activity a where a.pid <> pg_backend_pid() and a.backend_type <> 'walsender'
    union all
    select 'prepared', coalesce(max(age(p.transaction)), 0) from pg_prepared_xacts p
    union all
    select 'slot', coalesce(max(age(s.xmin)), 0) from pg_replication_slots s
    union all
    select 'slot_catalog', coalesce(max(age(s.catalog_xmin)), 0) from pg_replication_slots s
    union all
    select 'standby', coalesce(max(age(r.backend_xmin)), 0) from pg_stat_replication r`,
}
