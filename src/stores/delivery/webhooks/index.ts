export {
  BRANCH_STATEMENTS,
  type Branch,
  type Branches,
  type BranchKey,
  type BranchListOptions,
  createBranches,
} from './branches.js'
export {
  CHECK_STATEMENTS,
  type Check,
  type CheckKey,
  type CheckKind,
  type CheckListOptions,
  type Checks,
  createChecks,
} from './checks.js'
export {
  createDeployments,
  DEPLOYMENT_STATEMENTS,
  type Deployment,
  type DeploymentKey,
  type DeploymentListOptions,
  type Deployments,
} from './deployments.js'
export { createIngest, type Ingest, type IngestedWebhook, type IngestOptions } from './ingest.js'
export type { CommitListOptions, Observed, ObservedListOptions } from './observed.js'
export { WEBHOOK_EVENTS, type WebhookEvent } from './payloads.js'
export {
  createPipeline,
  type NewPipelineJob,
  PIPELINE_JOBS_MAX,
  PIPELINE_STATEMENTS,
  type Pipeline,
  type PipelineJob,
  type PipelineJobKey,
  type PipelineJobListOptions,
} from './pipeline.js'
export {
  createPipelineRuns,
  PIPELINE_RUN_STATEMENTS,
  type PipelineRun,
  type PipelineRunKey,
  type PipelineRunListOptions,
  type PipelineRuns,
} from './pipeline-runs.js'
export { createWebhooks, type RejectedWebhook, WEBHOOK_STATEMENTS, type Webhooks } from './webhooks.js'
