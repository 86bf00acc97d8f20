import { FLEET_METRICS } from '../metrics/fleet.js'
import type { Source } from './source.js'

/** Erasures of tenants that are under way, or were left. */
export const erasures: Source = {
  id: 'erasures',
  title: 'erasures of tenants that have not ended',
  needs: {
    relation: 'platform.erasures',
    rights: 'pgfleet_monitor',
    tenants: true,
  },
  groups: [FLEET_METRICS.erasures],
  sql: `
    select count(*) as unfinished, coalesce(extract(epoch from clock_timestamp() - min(e.started_at)), 0)::float8 as oldest_seconds
    from platform.erasures e where e.finished_at is null`,
}
