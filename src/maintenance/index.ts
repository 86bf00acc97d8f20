import type { Statement } from '../database/statement.js'
import { LIST_ARCHIVES } from './archives/archive.js'
import { ARCHIVE_SESSION_STATEMENTS } from './archives/archive-session.js'
import { ARCHIVED_TABLE_STATEMENTS } from './archives/archived-table.js'
import { ARCHIVING_STATEMENTS } from './archives/archiving.js'
import { RESTORING_STATEMENTS } from './archives/restoring.js'
import { DIRECT_STATEMENTS } from './direct-connection.js'
import { LEASE_STATEMENTS } from './lease.js'
import { MAINTENANCE_STATEMENTS as LOOP_STATEMENTS } from './maintenance.js'
import { OPERATOR_STATEMENTS } from './operator.js'
import { RETENTION_STATEMENTS } from './retention-policies.js'
import { RUN_ONCE_STATEMENTS } from './run.js'
import { RUN_STATEMENTS } from './runs.js'
import { SERVICE_NAMES, SERVICES } from './services/index.js'
import { TENANT_WALK_STATEMENTS } from './tenant-walk.js'

export type { Archive, ArchiveState } from './archives/archive.js'
export type {
  ArchiveProgress,
  Archives,
  ArchivesOptions,
  RestoreArchiveOptions,
  RestoredArchive,
  VerifyArchiveOptions,
} from './archives/archives.js'
export { createMaintenance, type Maintenance, type ServiceDescription } from './maintenance.js'
export type { MaintenanceOptions, RunOnceOptions, ServiceOptions, StartOptions } from './maintenance-options.js'
export type { AtEnd, RetainedTable, RetentionPolicies, RetentionPolicy } from './retention-policies.js'
export type { Done, RunItem } from './run-report.js'
export type { MaintenanceRun, RunOutcome, RunsOptions } from './runs.js'
export type { ServiceName } from './services/index.js'

/** Every statement of maintenance, for the test that prepares them all. */
export const MAINTENANCE_STATEMENTS: readonly Statement<unknown>[] = [
  ...OPERATOR_STATEMENTS,
  ...LEASE_STATEMENTS,
  ...LOOP_STATEMENTS,
  ...RUN_STATEMENTS,
  ...RUN_ONCE_STATEMENTS,
  ...RETENTION_STATEMENTS,
  ...TENANT_WALK_STATEMENTS,
  ...DIRECT_STATEMENTS,
  LIST_ARCHIVES,
  ...ARCHIVE_SESSION_STATEMENTS,
  ...ARCHIVED_TABLE_STATEMENTS,
  ...ARCHIVING_STATEMENTS,
  ...RESTORING_STATEMENTS,
  ...SERVICE_NAMES.flatMap((name) => SERVICES[name].statements),
]
