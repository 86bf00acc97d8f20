export type { CallOptions, Durability } from './database/batch.js'
export type { BatchMetrics, Spread } from './database/batch-metrics.js'
export type {
  CacheLimits,
  CacheOptions,
  MemoryCacheOptions,
  ValkeyCacheOptions,
} from './database/cache/cache-options.js'
export type { CacheReport } from './database/cache/read-cache.js'
export type { PoolLoad } from './database/connections.js'
export {
  type MigrateReport,
  migrate,
  migrateDown,
  migrationPlan,
  type SchemaStatus,
  schemaStatus,
} from './database/migrate.js'
export type { ReplicaReport, ReplicaState } from './database/replicas/replica.js'
export type { Consistency, ReplicasReport } from './database/replicas/replicas.js'
export type { FleetLimits, FleetTuning } from './database/tuning.js'
export { ERRORS, type ErrorCode, FleetError, isFleetError } from './errors.js'
export { type Fleet, openDatabase, openFleet, type Tenant, type Transaction, type TransactionOptions } from './fleet.js'
export type { Actor, Identity } from './identity.js'
export { type KeyProvider, type StaticKeys, staticKeyProvider } from './key-provider.js'
export type {
  Archive,
  ArchiveProgress,
  ArchiveState,
  Archives,
  ArchivesOptions,
  AtEnd,
  Done,
  Maintenance,
  MaintenanceOptions,
  MaintenanceRun,
  RestoreArchiveOptions,
  RestoredArchive,
  RetainedTable,
  RetentionPolicies,
  RetentionPolicy,
  RunItem,
  RunOnceOptions,
  RunOutcome,
  RunsOptions,
  ServiceDescription,
  ServiceName,
  ServiceOptions,
  StartOptions,
  VerifyArchiveOptions,
} from './maintenance/index.js'
export { batchSamples } from './monitoring/batches.js'
export { createMetricsHandler, type Endpoint, type EndpointOptions, startEndpoint } from './monitoring/endpoint.js'
export { formatMetrics } from './monitoring/exposition.js'
export type { HistoryMark, MarkKind } from './monitoring/history/history-marks.js'
export {
  type History,
  type HistoryOfSeries,
  type ReadHistoryOptions,
  readHistory,
} from './monitoring/history/read-history.js'
export type { Sample as MetricSample } from './monitoring/snapshot.js'
export type { FleetOptions } from './options.js'
export type { EraseOptions, EraseProgress, Erasure } from './tenants/erasure.js'
export type { Erasures, ReapplyOptions } from './tenants/erasures.js'
export type { LegalHold, LegalHolds, NewLegalHold } from './tenants/legal-holds.js'
export type { ExportOptions, ExportProgress } from './tenants/tenant-export.js'
export type { ImportOptions, ImportProgress, ImportReport } from './tenants/tenant-import.js'
export type { Transfers } from './tenants/transfers.js'
export type { NewTenant, Quotas, TenantRecord, Tenants, Usage } from './tenants.js'
export type { Step } from './tuning/experiment.js'
export type { LeftAlone } from './tuning/knob.js'
export type { Trial, TrialState } from './tuning/trial.js'
export {
  createTuner,
  type Proposal,
  type RoundOptions,
  type Tuner,
  type TuningPlan,
  type TuningRound,
} from './tuning/tuner.js'
export type { TunerOptions } from './tuning/tuner-options.js'
export type { Decision, Effect, GuardValue, Sample, Window } from './tuning/verdict.js'
