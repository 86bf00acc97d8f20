import { archive } from './archive.js'
import { auditSeals } from './audit-seals.js'
import { autovacuum } from './autovacuum.js'
import { deadlines } from './deadlines.js'
import { expiry } from './expiry.js'
import { garbage } from './garbage.js'
import { indexBloat } from './index-bloat.js'
import { parentStatistics } from './parent-statistics.js'
import { partitionsAhead } from './partitions-ahead.js'
import { retention } from './retention.js'
import { rollups } from './rollups.js'
import { runHistory } from './run-history.js'
import { stagingMerge } from './staging-merge.js'
import { summaries } from './summaries.js'

/** Every service, in the order in which they run when all are due. */
export const SERVICES = {
  'partitions-ahead': partitionsAhead,
  'staging-merge': stagingMerge,
  deadlines,
  rollups,
  'audit-seals': auditSeals,
  expiry,
  retention,
  archive,
  garbage,
  summaries,
  'parent-statistics': parentStatistics,
  autovacuum,
  'index-bloat': indexBloat,
  'run-history': runHistory,
} as const

export type ServiceName = keyof typeof SERVICES

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[]
