export type {
  AgentSession,
  AgentSessionChange,
  AgentSessionStatus,
  AgentSessionType,
  Budgets,
  NewAgentSession,
} from './agent-session.js'
export type { AgentSessionListOptions } from './agent-session-list.js'
export type { AgentSessionFilter, AgentSessionStatistics } from './agent-session-statistics.js'
export { AGENT_SESSION_STATEMENTS, type AgentSessions, createAgentSessions } from './agent-sessions.js'
export type { UsDollars } from './amounts.js'
export type {
  Interaction,
  InteractionStatus,
  InteractionType,
  NewInteraction,
  RecordedInteraction,
} from './interactions.js'
