import type { StoreOperation } from '../operation.js'
import { ARTIFACTS } from './artifacts.js'
import { AUDIT } from './audit.js'
import { DASHBOARDS } from './dashboards.js'
import { EVENTS } from './events.js'
import { GRAPH } from './graph.js'
import { KEYS } from './keys.js'
import { LEARNING } from './learning.js'
import { METRICS } from './metrics.js'
import { RECORDS } from './records.js'
import { SECRETS } from './secrets.js'
import { SESSIONS } from './sessions.js'
import { VECTORS } from './vectors.js'

/** Every public operation of every store, a list for each part. */
export const OPERATIONS: readonly StoreOperation[] = [
  ...LEARNING,
  ...VECTORS,
  ...GRAPH,
  ...EVENTS,
  ...SESSIONS,
  ...ARTIFACTS,
  ...RECORDS,
  ...KEYS,
  ...SECRETS,
  ...METRICS,
  ...AUDIT,
  ...DASHBOARDS,
]
