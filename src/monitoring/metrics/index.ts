import { ACTIVITY_METRICS } from './activity.js'
import { BATCH_METRICS } from './batches.js'
import { DATABASE_METRICS } from './database.js'
import type { MetricFamily, MetricGroup } from './family.js'
import { FLEET_METRICS } from './fleet.js'
import { MONITOR_METRICS } from './monitor.js'
import { POOLER_METRICS } from './pooler.js'
import { REPLICATION_METRICS } from './replication.js'
import { SERVER_METRICS } from './server.js'
import { SETTING_PREFIX } from './setting.js'
import { STATEMENT_METRICS } from './statements.js'
import { TABLE_METRICS } from './tables.js'
import { WRITING_METRICS } from './writing.js'

const GROUPS: readonly Readonly<Record<string, MetricGroup>>[] = [
  SERVER_METRICS,
  ACTIVITY_METRICS,
  WRITING_METRICS,
  REPLICATION_METRICS,
  DATABASE_METRICS,
  TABLE_METRICS,
  STATEMENT_METRICS,
  FLEET_METRICS,
  BATCH_METRICS,
  POOLER_METRICS,
  MONITOR_METRICS,
]

/** Every family that is known before a server is asked: all but those of settings, `pg_settings_…`. */
export const FAMILIES: readonly MetricFamily[] = Object.freeze(
  GROUPS.flatMap((groups) => Object.values(groups).flatMap((group) => Object.values(group))),
)

const BY_NAME = new Map(FAMILIES.map((family) => [family.name, family]))

/** The family of a metric; undefined for a name that is nobody's. A setting's family is told without its help. */
export function familyOf(metric: string): MetricFamily | undefined {
  const family = BY_NAME.get(metric)
  if (family !== undefined || !metric.startsWith(SETTING_PREFIX)) return family
  return { name: metric, type: 'gauge', help: 'A setting of the server.', labels: [] }
}
