/** The demo as a library: a fleet of agents, a small world whose optimum is known, and measured operations. */
export { type AgentResult, createDemoTenant, type DemoOptions, type DemoResult, runDemo } from './demo.js'
export { evaluatePolicy, type Policy, randomPolicy } from './episodes.js'
export type { AgentProgress, LearningProgress } from './learning-run.js'
export { measureOperations, type OperationFigure, type OperationsOptions, type OperationTarget } from './operations.js'
export { type Optimum, solvePipeline } from './optimum.js'
export {
  ACTIONS,
  type Action,
  actionsOf,
  keyOf,
  type Outcome,
  outcomesOf,
  type PipelineState,
  type Risk,
  reachableStates,
  STARTS,
  type Stage,
} from './pipeline.js'
