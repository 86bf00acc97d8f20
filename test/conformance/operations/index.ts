import type { StoreOperation } from '../operation.js'
import { AGENT_SESSIONS } from './agent-sessions.js'
import { ARTIFACTS } from './artifacts.js'
import { AUDIT } from './audit.js'
import { DASHBOARDS } from './dashboards.js'
import { EVENTS } from './events.js'
import { METADATA_FEED } from './feed.js'
import { GRAPH } from './graph.js'
import { KEYS } from './keys.js'
import { LEARNING } from './learning.js'
import { METADATA } from './metadata.js'
import { METRICS } from './metrics.js'
import { PULL_REQUESTS } from './pull-requests.js'
import { RECORDS } from './records.js'
import { SECRETS } from './secrets.js'
import { SESSIONS } from './sessions.js'
import { VECTORS } from './vectors.js'
import { WEBHOOKS } from './webhooks.js'
import { WORKFLOWS } from './workflows.js'

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
  ...WORKFLOWS,
  ...AGENT_SESSIONS,
  ...PULL_REQUESTS,
  ...WEBHOOKS,
  ...METRICS,
  ...AUDIT,
  ...DASHBOARDS,
  ...METADATA,
  ...METADATA_FEED,
]
