import { FLEET_METRICS } from '../metrics/fleet.js'
import type { Source } from './source.js'

/** The version of the schema, and how many tenants there are. */
export const schema: Source = {
  id: 'schema',
  title: 'the version of the schema, and tenants',
  needs: { relation: 'platform.tenants', rights: 'pgfleet_monitor', tenants: true },
  groups: [FLEET_METRICS.schema],
  sql: `
    select (select max(m.version) from platform.migrations m) as schema_version, (select count(*) from platform.tenants) as tenants`,
}
