import { FLEET_METRICS } from '../metrics/fleet.js'
import type { Source } from './source.js'

/** Archives of partitions. */
export const archives: Source = {
  id: 'archives',
  title: 'archives of partitions, by state',
  needs: { relation: 'platform.archives', rights: 'pgfleet_monitor' },
  groups: [FLEET_METRICS.archives],
  sql: `select a.state, count(*) as count from platform.archives a group by a.state`,
}
