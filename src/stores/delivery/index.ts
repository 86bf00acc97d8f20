import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { AGENT_SESSION_STATEMENTS, type AgentSessions, createAgentSessions } from './agent-sessions/index.js'
import { createPullRequests, PULL_REQUEST_STATEMENTS, type PullRequests } from './pull-requests/index.js'
import {
  createIngest,
  createPipeline,
  createWebhooks,
  type Ingest,
  PIPELINE_STATEMENTS,
  type Pipeline,
  WEBHOOK_STATEMENTS,
  type Webhooks,
} from './webhooks/index.js'

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
  type Ingest,
  type IngestedWebhook,
  type IngestOptions,
  type NewPipelineJob,
  PIPELINE_JOBS_MAX,
  type Pipeline,
  type PipelineJob,
  type RejectedWebhook,
  WEBHOOK_EVENTS,
  type WebhookEvent,
  type Webhooks,
} from './webhooks/index.js'

/** What the agents of one tenant do. Each change is recorded in the audit log, with the identity of its caller. */
export interface DeliveryStore {
  /** On whose behalf the calls are made. */
  readonly identity: Identity
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
}

/** Every statement of the store, for the test that prepares them all. */
export const DELIVERY_STATEMENTS: readonly Statement<unknown>[] = [
  ...AGENT_SESSION_STATEMENTS,
  ...PULL_REQUEST_STATEMENTS,
  ...WEBHOOK_STATEMENTS,
  ...PIPELINE_STATEMENTS,
]

export function createDeliveryStore(session: Session, identity: Identity): DeliveryStore {
  return {
    identity,
    agentSessions: createAgentSessions(session, identity),
    pullRequests: createPullRequests(session, identity),
    ingest: createIngest(session, identity),
    webhooks: createWebhooks(session, identity),
    pipeline: createPipeline(session, identity),
  }
}
