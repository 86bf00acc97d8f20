import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { AGENT_SESSION_STATEMENTS, type AgentSessions, createAgentSessions } from './agent-sessions/index.js'
import { AUDIT_STATEMENTS, type Audit, createAudit } from './audit/audit.js'
import { createDashboards, DASHBOARD_STATEMENTS, type Dashboards } from './dashboards/dashboards.js'
import { createMetrics, METRIC_STATEMENTS, type Metrics } from './metrics/metrics.js'
import { createPullRequests, PULL_REQUEST_STATEMENTS, type PullRequests } from './pull-requests/index.js'
import {
  BRANCH_STATEMENTS,
  type Branches,
  CHECK_STATEMENTS,
  type Checks,
  createBranches,
  createChecks,
  createDeployments,
  createIngest,
  createPipeline,
  createPipelineRuns,
  createWebhooks,
  DEPLOYMENT_STATEMENTS,
  type Deployments,
  type Ingest,
  PIPELINE_RUN_STATEMENTS,
  PIPELINE_STATEMENTS,
  type Pipeline,
  type PipelineRuns,
  WEBHOOK_STATEMENTS,
  type Webhooks,
} from './webhooks/index.js'
import { createJobs, JOB_STATEMENTS, type Jobs } from './workflows/jobs.js'
import { createWorkflows, WORKFLOW_STATEMENTS, type Workflows } from './workflows/workflows.js'

export type {
  AgentSession,
  AgentSessionChange,
  AgentSessionFilter,
  AgentSessionListOptions,
  AgentSessionStatistics,
  AgentSessionStatus,
  AgentSessions,
  AgentSessionType,
  Budgets,
  Interaction,
  InteractionStatus,
  InteractionType,
  NewAgentSession,
  NewInteraction,
  RecordedInteraction,
  UsDollars,
} from './agent-sessions/index.js'
export type { Audit } from './audit/audit.js'
export type { AuditAction, AuditEntry, AuditResult, NewAuditEntry, SecurityLevel } from './audit/audit-entry.js'
export type { AuditPage, AuditQuery } from './audit/audit-query.js'
export { keepSealed, type Sealer, type SealerOptions } from './audit/audit-sealer.js'
export type { AuditBreach, AuditVerification, SealHead, SealReport, VerifyOptions } from './audit/audit-seals.js'
export type * from './dashboards/dashboard-rows.js'
export type { DashboardOptions, Dashboards } from './dashboards/dashboards.js'
export type {
  Dimensions,
  Metric,
  MetricCategory,
  MetricName,
  MetricSeries,
  MetricType,
  NewMetric,
} from './metrics/metric.js'
export type { MetricNameQuery, MetricPage, MetricQuery, MetricSeriesQuery } from './metrics/metric-query.js'
export type {
  MetricRollup,
  MetricSummary,
  RollUpReport,
  RollupQuery,
  RollupResolution,
  SummaryQuery,
} from './metrics/metric-rollups.js'
export type { Metrics } from './metrics/metrics.js'
export type {
  CiStatus,
  GateReason,
  GateReasonName,
  GateResult,
  MergePolicy,
  MergeStatus,
  NewPullRequest,
  PullRequest,
  PullRequestChange,
  PullRequestFields,
  PullRequestKey,
  PullRequestListOptions,
  PullRequestStatus,
  PullRequests,
  PutPullRequest,
  ReviewStatus,
  SecurityStatus,
} from './pull-requests/index.js'
export {
  type Branch,
  type Branches,
  type BranchKey,
  type BranchListOptions,
  type Check,
  type CheckKey,
  type CheckKind,
  type CheckListOptions,
  type Checks,
  type CommitListOptions,
  type Deployment,
  type DeploymentKey,
  type DeploymentListOptions,
  type Deployments,
  type Ingest,
  type IngestedWebhook,
  type IngestOptions,
  type NewPipelineJob,
  type Observed,
  type ObservedListOptions,
  PIPELINE_JOBS_MAX,
  type Pipeline,
  type PipelineJob,
  type PipelineJobKey,
  type PipelineJobListOptions,
  type PipelineRun,
  type PipelineRunKey,
  type PipelineRunListOptions,
  type PipelineRuns,
  type RejectedWebhook,
  WEBHOOK_EVENTS,
  type WebhookEvent,
  type Webhooks,
} from './webhooks/index.js'
export type { NewTask, NewWorkflow } from './workflows/definition.js'
export { type Handler, type Handlers, JobFailure, type RunningJob } from './workflows/execution.js'
export type { ClaimOptions, CompletedJob, EndedJob, FailedJob, Job, JobLease, Jobs } from './workflows/jobs.js'
export type { RunOptions, RunResult } from './workflows/run.js'
export { createWorker, type Worker, type WorkerFleet, type WorkerOptions } from './workflows/worker.js'
export type {
  Task,
  TaskStatus,
  Workflow,
  WorkflowChange,
  WorkflowStanding,
  WorkflowStatus,
  WorkflowType,
  WorkflowWithTasks,
} from './workflows/workflow.js'
export type { WorkflowListOptions, WorkflowSearch } from './workflows/workflow-list.js'
export type { Transition, TransitionOptions, Workflows } from './workflows/workflows.js'

/** What the agents of one tenant do. Each change is recorded in the audit log, with the identity of its caller. */
export interface DeliveryStore {
  /** On whose behalf the calls are made. */
  readonly identity: Identity
  /** Graphs of tasks, and how they stand. */
  readonly workflows: Workflows
  /** Tasks that are ready, for those who run them. */
  readonly jobs: Jobs
  /** Sessions of agents: what they did, what it cost, how long it took. */
  readonly agentSessions: AgentSessions
  /** Pull requests, and whether they are ready to be merged. */
  readonly pullRequests: PullRequests
  /**
   * Takes in a webhook of GitHub: its event (`X-GitHub-Event`), its body as text or parsed, and the id of its delivery
   * (`X-GitHub-Delivery`). Idempotent by that id, and right when deliveries come late or out of order. What is not known is
   * kept aside with the reason. Errors: INPUT_INVALID, WEBHOOK_SIGNATURE_INVALID, WEBHOOK_REJECTED.
   */
  readonly ingest: Ingest
  /** Webhooks that were kept aside, and forgetting old ones. */
  readonly webhooks: Webhooks
  /** Jobs of pipelines elsewhere. */
  readonly pipeline: Pipeline
  /** Runs of GitHub workflows. */
  readonly pipelineRuns: PipelineRuns
  /** Check runs and check suites. */
  readonly checks: Checks
  /** Deployments with their last status. */
  readonly deployments: Deployments
  /** Branches and tags, as the last push left them. */
  readonly branches: Branches
  /** What was measured: points, and their rollups by minute, hour and day. */
  readonly metrics: Metrics
  /** Who did what, sealed against changes. */
  readonly audit: Audit
  /** Views over all of it. */
  readonly dashboards: Dashboards
}

/** Every statement of the store, for the test that prepares them all. */
export const DELIVERY_STATEMENTS: readonly Statement<unknown>[] = [
  ...WORKFLOW_STATEMENTS,
  ...JOB_STATEMENTS,
  ...AGENT_SESSION_STATEMENTS,
  ...PULL_REQUEST_STATEMENTS,
  ...WEBHOOK_STATEMENTS,
  ...PIPELINE_STATEMENTS,
  ...PIPELINE_RUN_STATEMENTS,
  ...CHECK_STATEMENTS,
  ...DEPLOYMENT_STATEMENTS,
  ...BRANCH_STATEMENTS,
  ...METRIC_STATEMENTS,
  ...AUDIT_STATEMENTS,
  ...DASHBOARD_STATEMENTS,
]

export function createDeliveryStore(session: Session, identity: Identity): DeliveryStore {
  return {
    identity,
    workflows: createWorkflows(session, identity),
    jobs: createJobs(session, identity),
    agentSessions: createAgentSessions(session, identity),
    pullRequests: createPullRequests(session, identity),
    ingest: createIngest(session, identity),
    webhooks: createWebhooks(session, identity),
    pipeline: createPipeline(session, identity),
    pipelineRuns: createPipelineRuns(session),
    checks: createChecks(session),
    deployments: createDeployments(session),
    branches: createBranches(session),
    metrics: createMetrics(session, identity),
    audit: createAudit(session, identity),
    dashboards: createDashboards(session),
  }
}
