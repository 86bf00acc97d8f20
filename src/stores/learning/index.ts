import type { Json } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import { AGENT_STATE_STATEMENTS, type AgentStates, createAgentStates, REPORT_AGENTS } from './agent-states.js'
import { AGENT_TYPE_STATEMENTS, type AgentTypes, createAgentTypes } from './agent-types.js'
import { type ActionValue, BEST, best, type StateOf } from './best.js'
import { CHOOSE, type Choice, type ChoiceOptions, type ChoiceRequest, choose } from './choose.js'
import { type Experience, LEARN, type Learned, learn } from './learn.js'
import { createPatterns, PATTERN_STATEMENTS, type Patterns, RECORD_OUTCOMES, SEARCH_PATTERNS } from './patterns.js'
import { createReports, type LearningReports, REPORT_STATEMENTS } from './reports.js'
import { createSessions, type LearningSessions, SESSION_STATEMENTS } from './sessions.js'
import { createSnapshots, type PolicySnapshots, SNAPSHOT_STATEMENTS } from './snapshots.js'
import {
  RECORD_TRAJECTORIES,
  type RecordedTrajectory,
  recordTrajectories,
  type SampleOptions,
  type StoredTrajectory,
  sampleTrajectories,
  setPriorities,
  TRAJECTORY_STATEMENTS,
  type Trajectory,
} from './trajectories.js'
import { VALUES, values } from './values.js'

export type { Condition, Test } from '../../condition.js'
export {
  ACTION_LENGTH_MAX,
  CONTENT_VERSION,
  type Content,
  type Json,
  STATE_LENGTH_MAX,
  toContent,
} from '../../content.js'
export type { AgentReport, AgentState, AgentStates, AgentStatus } from './agent-states.js'
export type { AgentType, AgentTypeChange, AgentTypes } from './agent-types.js'
export type { ActionValue, StateOf } from './best.js'
export type { Choice, ChoiceOptions, ChoiceRequest } from './choose.js'
export type { Algorithm, Experience, Learned } from './learn.js'
export type {
  FoundPattern,
  NewPattern,
  Pattern,
  PatternCounters,
  PatternOutcome,
  PatternSearch,
  Patterns,
} from './patterns.js'
export type {
  AgentPerformance,
  Convergence,
  ConvergenceOptions,
  LearningReports,
  LearningStatistics,
} from './reports.js'
export type { LearningSession, LearningSessions, NewSession } from './sessions.js'
export type { PolicySnapshot, PolicySnapshots, Rollback } from './snapshots.js'
export type { RecordedTrajectory, Reward, SampleOptions, StoredTrajectory, Trajectory } from './trajectories.js'

/**
 * What the agents of one tenant learn. Calls of the operations that take many items are gathered with those of other
 * callers; single and array forms are the same operation.
 */
export interface LearningStore {
  /** Applies temporal-difference updates; see `Experience`. One call's experiences all count, or none does. */
  learn(experience: Experience, options?: CallOptions): Promise<Learned>
  learn(experiences: readonly Experience[], options?: CallOptions): Promise<Learned[]>
  /** Chooses an action; explores, and falls back from agent type to category to fleet when the state is unknown. */
  choose(agentType: string, state: Json, options?: ChoiceOptions & CallOptions): Promise<Choice>
  choose(requests: readonly ChoiceRequest[], options?: CallOptions): Promise<Choice[]>
  /** The best known action of a state, of exactly that agent type; undefined when none is known. */
  best(agentType: string, state: Json, options?: CallOptions): Promise<ActionValue | undefined>
  best(lookups: readonly StateOf[], options?: CallOptions): Promise<(ActionValue | undefined)[]>
  /** All known action values of a state, best first. */
  values(agentType: string, state: Json, options?: CallOptions): Promise<ActionValue[]>
  values(lookups: readonly StateOf[], options?: CallOptions): Promise<ActionValue[][]>
  /** Keeps trajectories with their rewards; idempotent by id. */
  recordTrajectories(trajectories: readonly Trajectory[], options?: CallOptions): Promise<RecordedTrajectory[]>
  /** Samples the newest trajectories of an agent type for replay. */
  sampleTrajectories(agentType: string, options?: SampleOptions): Promise<StoredTrajectory[]>
  /** Sets the weights of prioritised sampling. */
  setPriorities(priorities: readonly { id: string; priority: number }[]): Promise<void>
  readonly patterns: Patterns
  readonly agentTypes: AgentTypes
  readonly agents: AgentStates
  readonly sessions: LearningSessions
  readonly snapshots: PolicySnapshots
  readonly reports: LearningReports
}

/** Every statement of the store, for the test that prepares them all. */
export const LEARNING_STATEMENTS: readonly Statement<unknown>[] = [
  ...[LEARN, CHOOSE, BEST, VALUES, RECORD_TRAJECTORIES, SEARCH_PATTERNS, RECORD_OUTCOMES, REPORT_AGENTS].map(
    (operation: Pick<Operation<never, unknown, unknown>, 'statement'>) => operation.statement as Statement<unknown>,
  ),
  ...TRAJECTORY_STATEMENTS,
  ...PATTERN_STATEMENTS,
  ...AGENT_TYPE_STATEMENTS,
  ...AGENT_STATE_STATEMENTS,
  ...SESSION_STATEMENTS,
  ...SNAPSHOT_STATEMENTS,
  ...REPORT_STATEMENTS,
]

export function createLearningStore(session: Session): LearningStore {
  return {
    learn: (async (input: Experience | readonly Experience[], options?: CallOptions) =>
      Array.isArray(input)
        ? await learn(session, input, options)
        : (await learn(session, [input as Experience], options))[0]) as LearningStore['learn'],
    choose: (async (
      first: string | readonly ChoiceRequest[],
      second?: unknown,
      third?: ChoiceOptions & CallOptions,
    ) => {
      if (typeof first !== 'string') return await choose(session, first, second as CallOptions)
      const { signal, durability: _, ...request } = third ?? {}
      return (await choose(session, [{ agentType: first, state: second as Json, ...request }], signal && { signal }))[0]
    }) as LearningStore['choose'],
    best: (async (first: string | readonly StateOf[], second?: unknown, third?: CallOptions) =>
      typeof first === 'string'
        ? (await best(session, [{ agentType: first, state: second as Json }], third))[0]
        : await best(session, first, second as CallOptions)) as LearningStore['best'],
    values: (async (first: string | readonly StateOf[], second?: unknown, third?: CallOptions) =>
      typeof first === 'string'
        ? (await values(session, [{ agentType: first, state: second as Json }], third))[0]
        : await values(session, first, second as CallOptions)) as LearningStore['values'],
    recordTrajectories: (input, options) => recordTrajectories(session, input, options),
    sampleTrajectories: (agentType, options) => sampleTrajectories(session, agentType, options),
    setPriorities: (input) => setPriorities(session, input),
    patterns: createPatterns(session),
    agentTypes: createAgentTypes(session),
    agents: createAgentStates(session),
    sessions: createSessions(session),
    snapshots: createSnapshots(session),
    reports: createReports(session),
  }
}
