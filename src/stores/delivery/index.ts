import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { AGENT_SESSION_STATEMENTS, type AgentSessions, createAgentSessions } from './agent-sessions/index.js'
import { createPullRequests, PULL_REQUEST_STATEMENTS, type PullRequests } from './pull-requests/index.js'

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

/** What the agents of one tenant do. Each change is recorded in the audit log, with the identity of its caller. */
export interface DeliveryStore {
  /** On whose behalf the calls are made. */
  readonly identity: Identity
  /** Sessions of agents: what they did, what it cost, how long it took. */
  readonly agentSessions: AgentSessions
  /** Pull requests, and whether they are ready to be merged. */
  readonly pullRequests: PullRequests
}

/** Every statement of the store, for the test that prepares them all. */
export const DELIVERY_STATEMENTS: readonly Statement<unknown>[] = [
  ...AGENT_SESSION_STATEMENTS,
  ...PULL_REQUEST_STATEMENTS,
]

export function createDeliveryStore(session: Session, identity: Identity): DeliveryStore {
  return {
    identity,
    agentSessions: createAgentSessions(session, identity),
    pullRequests: createPullRequests(session, identity),
  }
}
