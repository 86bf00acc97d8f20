import type { Question } from '../question.js'
import { connectionRoom } from './connections/connection-room.js'
import { memory } from './connections/memory.js'
import { pool } from './connections/pool.js'
import { encryptedConnections } from './isolation/encrypted-connections.js'
import { loginRights } from './isolation/login-rights.js'
import { passwords } from './isolation/passwords.js'
import { policyCost } from './isolation/policy-cost.js'
import { publicRights } from './isolation/public-rights.js'
import { tenantPolicies } from './isolation/tenant-policies.js'
import { incidents } from './observation/incidents.js'
import { logging } from './observation/logging.js'
import { monitoring } from './observation/monitoring.js'
import { statementStatistics } from './observation/statement-statistics.js'
import { checkpoints } from './performance/checkpoints.js'
import { hotOperations } from './performance/hot-operations.js'
import { indexes } from './performance/indexes.js'
import { vectors } from './performance/vectors.js'
import { backupRecent } from './recovery/backup-recent.js'
import { backupRestorable } from './recovery/backup-restorable.js'
import { crashSafety } from './recovery/crash-safety.js'
import { pointInTime } from './recovery/point-in-time.js'
import { standby } from './recovery/standby.js'
import { disk } from './upkeep/disk.js'
import { expiry } from './upkeep/expiry.js'
import { maintenance } from './upkeep/maintenance.js'
import { partitions } from './upkeep/partitions.js'
import { schema } from './upkeep/schema.js'
import { summaries } from './upkeep/summaries.js'
import { vacuum } from './upkeep/vacuum.js'
import { versions } from './upkeep/versions.js'

/** All questions, by concern; in the order in which they are answered. */
export const QUESTIONS: readonly Question[] = [
  backupRecent,
  backupRestorable,
  crashSafety,
  pointInTime,
  standby,
  encryptedConnections,
  loginRights,
  passwords,
  policyCost,
  publicRights,
  tenantPolicies,
  connectionRoom,
  memory,
  pool,
  disk,
  expiry,
  maintenance,
  partitions,
  schema,
  summaries,
  vacuum,
  versions,
  checkpoints,
  hotOperations,
  indexes,
  vectors,
  incidents,
  logging,
  monitoring,
  statementStatistics,
]
