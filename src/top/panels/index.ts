import type { Panel, PanelId } from '../panel.js'
import { activity } from './activity.js'
import { jobs } from './jobs.js'
import { locks } from './locks.js'
import { overview } from './overview.js'
import { partitions } from './partitions.js'
import { progress } from './progress.js'
import { queries } from './queries.js'
import { replicas } from './replicas.js'
import { tables } from './tables.js'
import { waits } from './waits.js'

/** All panels, in the order of their tabs. */
export const PANELS: readonly Panel[] = [
  overview,
  queries,
  activity,
  waits,
  locks,
  tables,
  jobs,
  partitions,
  replicas,
  progress,
]

/** The panel of an id. */
export function panelOf(id: PanelId): Panel {
  return PANELS.find((panel) => panel.id === id) as Panel
}
