import { archiver } from './archiver.js'
import { archives } from './archives.js'
import { autovacuum } from './autovacuum.js'
import { backgroundWriter } from './background-writer.js'
import { bufferCache } from './buffer-cache.js'
import { checkpointer } from './checkpointer.js'
import { checkpoints } from './checkpoints.js'
import { databaseSizes } from './database-sizes.js'
import { databases } from './databases.js'
import { erasures } from './erasures.js'
import { inputOutput } from './input-output.js'
import { jobs } from './jobs.js'
import { locks } from './locks.js'
import { maintenance } from './maintenance.js'
import { partitions } from './partitions.js'
import { replica } from './replica.js'
import { replicationSlots } from './replication-slots.js'
import { schema } from './schema.js'
import { sessions } from './sessions.js'
import { settings } from './settings.js'
import { snapshotHorizon } from './snapshot-horizon.js'
import type { Source } from './source.js'
import { standbys } from './standbys.js'
import { statementEvictions } from './statement-evictions.js'
import { statementTexts } from './statement-texts.js'
import { statements } from './statements.js'
import { tableAges } from './table-ages.js'
import { tableSizes } from './table-sizes.js'
import { tables } from './tables.js'
import { transactionIds } from './transaction-ids.js'
import { transactions } from './transactions.js'
import { vacuumProgress } from './vacuum-progress.js'
import { wal } from './wal.js'
import { walFiles } from './wal-files.js'

/**
 * All statements that are asked of a server, in this order; those of the slow pace apart. One is sent before the answer of the one
 * before is there: what follows another source does not stand right behind it.
 */
export const SOURCES: readonly Source[] = Object.freeze([
  replica,
  transactions,
  sessions,
  locks,
  snapshotHorizon,
  databases,
  transactionIds,
  tables,
  autovacuum,
  vacuumProgress,
  statements,
  statementEvictions,
  checkpoints,
  backgroundWriter,
  checkpointer,
  archiver,
  wal,
  walFiles,
  inputOutput,
  standbys,
  replicationSlots,
  schema,
  maintenance,
  jobs,
  erasures,
  archives,
  settings,
  databaseSizes,
  tableSizes,
  tableAges,
  partitions,
  bufferCache,
  statementTexts,
])
