import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import { AGENT_STATE_STATEMENTS, type AgentStates, createAgentStates } from './agent-states.js'
import { createHooks, HOOK_STATEMENTS, type Hooks } from './hooks.js'
import { createKeyValue, KEY_VALUE_STATEMENTS, type KeyValue } from './key-value.js'
import { createProcedures, PROCEDURE_STATEMENTS, type Procedures } from './procedures.js'
import { createWorkflowStates, WORKFLOW_STATE_STATEMENTS, type WorkflowStates } from './workflow-states.js'

export type {
  AgentState,
  AgentStateInfo,
  AgentStates,
  NewAgentState,
  SavedAgentState,
  SaveOptions,
} from './agent-states.js'
export type { HookArchive, HookArchiveOptions, HookArchiveReceipt } from './hook-archive.js'
export type { HookExecution, HookExecutionInfo, HookOutcome, NewHookExecution } from './hook-execution.js'
export { HOOK_RETENTIONS, type HookListOptions, type HookRetention, type HookStatistics, type Hooks } from './hooks.js'
export type { Entry, KeyValue, ListOptions, NewEntry, SetOptions, Value } from './key-value.js'
export type { LearnedTransition, NextStep, Procedures, Transition, TransitionSource } from './procedures.js'
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
  readonly hooks: Hooks
  readonly procedures: Procedures
  readonly agentStates: AgentStates
  readonly workflowStates: WorkflowStates
  readonly kv: KeyValue
}

/** Every statement of the store, for the test that prepares them all. */
export const MEMORY_STATEMENTS: readonly Statement<unknown>[] = [
  ...HOOK_STATEMENTS,
  ...PROCEDURE_STATEMENTS,
  ...AGENT_STATE_STATEMENTS,
  ...WORKFLOW_STATE_STATEMENTS,
  ...KEY_VALUE_STATEMENTS,
]

export function createMemoryStore(session: Session): MemoryStore {
  return {
    hooks: createHooks(session),
    procedures: createProcedures(session),
    agentStates: createAgentStates(session),
    workflowStates: createWorkflowStates(session),
    kv: createKeyValue(session),
  }
}
