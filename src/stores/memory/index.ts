import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import { AGENT_STATE_STATEMENTS, type AgentStates, createAgentStates } from './agent-states.js'
import { ARTIFACT_STATEMENTS, type Artifacts, createArtifacts } from './artifacts/artifacts.js'
import { createEvents, EVENT_STATEMENTS, type Events } from './events/events.js'
import { createKnowledgeGraph, GRAPH_STATEMENTS, type KnowledgeGraph } from './graph/index.js'
import { createHooks, HOOK_STATEMENTS, type Hooks } from './hooks/hooks.js'
import { createKeyValue, KEY_VALUE_STATEMENTS, type KeyValue } from './key-value.js'
import type { ApiKeyUsage } from './keys/api-key-usage.js'
import { API_KEY_STATEMENTS, type ApiKeys, createApiKeys } from './keys/api-keys.js'
import { createProcedures, PROCEDURE_STATEMENTS, type Procedures } from './procedures.js'
import type { DataKeys } from './secrets/data-keys.js'
import { createSecrets, SECRET_STATEMENTS, type Secrets } from './secrets/secrets.js'
import { createSessions, type MemorySessions, SESSION_STATEMENTS } from './sessions.js'
import { VECTOR_DIMENSION_STATEMENTS } from './vectors/vector-dimensions.js'
import { createVectors, VECTOR_STATEMENTS, type Vectors } from './vectors/vectors.js'
import { createWorkflowStates, WORKFLOW_STATE_STATEMENTS, type WorkflowStates } from './workflow-states.js'

export type { Condition, Test } from '../../condition.js'
export type { Json } from '../../content.js'
export type {
  AgentState,
  AgentStateInfo,
  AgentStates,
  NewAgentState,
  SavedAgentState,
  SaveOptions,
} from './agent-states.js'
export type { GarbageOptions, GarbageReport } from './artifacts/artifact-garbage.js'
export type { Artifact, ArtifactListOptions, ArtifactStatistics } from './artifacts/artifact-list.js'
export type { ArtifactSource } from './artifacts/artifact-source.js'
export type { Artifacts, NewArtifact, PutArtifact, ReadOptions } from './artifacts/artifacts.js'
export type { AppendedEvent, NewEvent, StoredEvent } from './events/event.js'
export type { EventPage, EventQuery } from './events/event-query.js'
export type {
  EventStats,
  EventTypeCount,
  PassHatK,
  PassHatKOptions,
  TimeRange as EventTimeRange,
} from './events/event-stats.js'
export type { TailedEvent, TailOptions } from './events/event-tail.js'
export type { TypePattern } from './events/event-types.js'
export type { Events } from './events/events.js'
export * from './graph/index.js'
export type { HookArchive, HookArchiveOptions, HookArchiveReceipt } from './hooks/hook-archive.js'
export type { HookExecution, HookExecutionInfo, HookOutcome, NewHookExecution } from './hooks/hook-execution.js'
export {
  HOOK_RETENTIONS,
  type HookListOptions,
  type HookRetention,
  type HookStatistics,
  type Hooks,
} from './hooks/hooks.js'
export type { Entry, KeyValue, ListOptions, NewEntry, SetOptions, Value } from './key-value.js'
export type { ApiKey, ApiKeys, CreatedApiKey, NewApiKey, Principal } from './keys/api-keys.js'
export type { LearnedTransition, NextStep, Procedures, Transition, TransitionSource } from './procedures.js'
export type { Secrets, SecretVersion } from './secrets/secrets.js'
export type { MemorySession, MemorySessions, NewMemorySession, SessionChange, SessionState } from './sessions.js'
export type { Embedding } from './vectors/embedding.js'
export {
  type IndexSettings,
  notesOn,
  type VectorDimension,
  type VectorDimensions,
} from './vectors/vector-dimensions.js'
export type { VectorKey } from './vectors/vector-key.js'
export type {
  FoundHybrid,
  FoundVector,
  HybridSearch,
  TimeRange,
  VectorSearch,
  VectorSearchOptions,
} from './vectors/vector-search.js'
export type {
  MetadataChange,
  NewVector,
  StoredVector,
  UpsertedVector,
  VectorStatistics,
  Vectors,
} from './vectors/vectors.js'
export {
  WORKFLOW_TRANSITIONS,
  type WorkflowInfo,
  type WorkflowProgress,
  type WorkflowSaveOptions,
  type WorkflowState,
  type WorkflowStates,
  type WorkflowStatus,
} from './workflow-states.js'

/** What the agents of one tenant remember. */
export interface MemoryStore {
  /** Embeddings with metadata, found by similarity, by text, or by both. */
  readonly vectors: Vectors
  /** The bi-temporal knowledge graph: what held when, and what was believed of it when. */
  readonly graph: KnowledgeGraph
  /** What happened, in an order that can be followed. */
  readonly events: Events
  readonly sessions: MemorySessions
  /** Files, kept once each by their content. */
  readonly artifacts: Artifacts
  /** Executions of hooks, with how long they are kept. */
  readonly hooks: Hooks
  /** Transitions that were seen, and what follows what. */
  readonly procedures: Procedures
  readonly agentStates: AgentStates
  readonly workflowStates: WorkflowStates
  readonly kv: KeyValue
  /** API keys, by which callers are known. */
  readonly keys: ApiKeys
  /** Secrets of services, encrypted before they leave this process. */
  readonly secrets: Secrets
}

/** What the stores of all tenants share. */
export interface MemoryServices {
  readonly usage: ApiKeyUsage
  readonly dataKeys: DataKeys
}

/** Every statement of the store, for the test that prepares them all. */
export const MEMORY_STATEMENTS: readonly Statement<unknown>[] = [
  ...VECTOR_STATEMENTS,
  ...VECTOR_DIMENSION_STATEMENTS,
  ...GRAPH_STATEMENTS,
  ...EVENT_STATEMENTS,
  ...SESSION_STATEMENTS,
  ...ARTIFACT_STATEMENTS,
  ...HOOK_STATEMENTS,
  ...PROCEDURE_STATEMENTS,
  ...AGENT_STATE_STATEMENTS,
  ...WORKFLOW_STATE_STATEMENTS,
  ...KEY_VALUE_STATEMENTS,
  ...API_KEY_STATEMENTS,
  ...SECRET_STATEMENTS,
]

export function createMemoryStore(session: Session, services: MemoryServices): MemoryStore {
  return {
    vectors: createVectors(session),
    graph: createKnowledgeGraph(session),
    events: createEvents(session),
    sessions: createSessions(session),
    artifacts: createArtifacts(session),
    hooks: createHooks(session),
    procedures: createProcedures(session),
    agentStates: createAgentStates(session),
    workflowStates: createWorkflowStates(session),
    kv: createKeyValue(session),
    keys: createApiKeys(session, services.usage),
    secrets: createSecrets(session, services.dataKeys),
  }
}
