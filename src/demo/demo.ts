import { FleetError, isFleetError } from '../errors.js'
import type { Fleet } from '../fleet.js'
import type { LearningStatistics } from '../stores/learning/index.js'
import type { Agent } from './agent.js'
import { evaluatePolicy, randomPolicy } from './episodes.js'
import { type LearningProgress, learnTogether, mean, RECENT_EPISODES } from './learning-run.js'
import { solvePipeline } from './optimum.js'
import { readFleetPolicy, readPolicies, rememberRules } from './rules.js'

/** How large the demo is. */
export interface DemoOptions {
  /** A whole number, 0 to 1,000,000; the same seed on a fresh tenant learns the same. @default 1 */
  readonly seed?: number
  /** Least episodes of each agent, 1 to 100,000. @default 500 */
  readonly episodes?: number
  /** Changes that each agent watches at once, 1 to 100. @default 8 */
  readonly lanes?: number
  /** Episodes of each evaluation, which calls nothing, 1 to 1,000,000. @default 30000 */
  readonly evaluations?: number
  readonly signal?: AbortSignal
  onProgress?(progress: LearningProgress): void
}

/** What one agent learned. */
export interface AgentResult {
  readonly agentType: string
  readonly episodes: number
  /** Mean reward of the first and of the last 100 episodes, exploration included. */
  readonly firstReward: number
  readonly lastReward: number
  /** Mean reward of the learned policy without exploration. */
  readonly learnedReward: number
  /** `learnedReward` divided by the optimum. */
  readonly ofOptimum: number
  readonly qValues: number
}

/** What the demo found. */
export interface DemoResult {
  readonly seed: number
  readonly agents: readonly AgentResult[]
  /** Mean reward of an episode of a policy that acts at random, simulated. */
  readonly randomReward: number
  /** Expected reward of the best policy, exact; and the same policy simulated as the agents were. */
  readonly optimalReward: number
  readonly optimalSimulated: number
  /** Means over the agents. */
  readonly learnedReward: number
  readonly ofOptimum: number
  /** Reward of an agent type that never acted, and decides by what the others know. */
  readonly newcomerReward: number
  readonly states: number
  readonly stateActions: number
  readonly updates: number
  /** Of learning alone. */
  readonly seconds: number
  readonly patterns: number
  readonly statistics: LearningStatistics
}

/**
 * Creates the first tenant of `demo-1`, `demo-2`, ... that is not there yet, so that every demo begins with agents that
 * know nothing. Errors: those of `tenants.create`.
 */
export async function createDemoTenant(fleet: Fleet): Promise<string> {
  const taken = new Set((await fleet.tenants.list({ after: 'demo-', limit: 10_000 })).map(({ id }) => id))
  for (let number = 1; ; number++) {
    const id = `demo-${number}`
    if (taken.has(id)) continue
    try {
      await fleet.tenants.create({ id, displayName: 'pgfleet demo' })
      return id
    } catch (error) {
      // Another demo of the same moment took it.
      if (!isFleetError(error, 'TENANT_EXISTS')) throw error
    }
  }
}

/**
 * Lets 18 agents, one of each default type, learn to bring changes through a pipeline (see `PipelineState`), and compares
 * what they learned with acting at random and with the known optimum. Errors: INPUT_INVALID for an option, ABORTED,
 * TENANT_UNKNOWN, and those of the learning store.
 */
export async function runDemo(fleet: Fleet, tenant: string, options: DemoOptions = {}): Promise<DemoResult> {
  const seed = whole('seed', options.seed ?? 1, 0, 1_000_000)
  const episodes = whole('episodes', options.episodes ?? 500, 1, 100_000)
  const lanes = whole('lanes', options.lanes ?? 8, 1, 100)
  const evaluations = whole('evaluations', options.evaluations ?? 30_000, 1, 1_000_000)
  const { learning } = fleet.tenant(tenant)
  const startedAt = performance.now()
  const agents = await learnTogether(learning, {
    seed,
    episodes,
    lanes,
    signal: options.signal,
    onProgress: options.onProgress?.bind(options),
  })
  const seconds = (performance.now() - startedAt) / 1000
  const optimum = solvePipeline()
  const policies = await readPolicies(
    learning,
    agents.map(({ agentType }) => agentType),
  )
  const results = agents.map((agent, i) => {
    const learnedReward = evaluatePolicy(policies[i]?.policy ?? randomPolicy, evaluations, seed)
    return agentResult(agent, learnedReward, optimum.reward)
  })
  return {
    seed,
    agents: results,
    randomReward: evaluatePolicy(randomPolicy, evaluations, seed),
    optimalReward: optimum.reward,
    optimalSimulated: evaluatePolicy(optimum.action, evaluations, seed),
    learnedReward: mean(results.map((result) => result.learnedReward)) ?? 0,
    ofOptimum: mean(results.map((result) => result.ofOptimum)) ?? 0,
    newcomerReward: evaluatePolicy(await readFleetPolicy(learning, seed), evaluations, seed),
    states: optimum.states,
    stateActions: optimum.stateActions,
    updates: agents.reduce((sum, agent) => sum + agent.updates, 0),
    seconds,
    patterns: await rememberRules(learning, policies),
    statistics: await learning.reports.statistics(),
  }
}

function agentResult(agent: Agent, learnedReward: number, optimalReward: number): AgentResult {
  return {
    agentType: agent.agentType,
    episodes: agent.rewards.length,
    firstReward: mean(agent.rewards.slice(0, RECENT_EPISODES)) ?? 0,
    lastReward: mean(agent.rewards.slice(-RECENT_EPISODES)) ?? 0,
    learnedReward,
    ofOptimum: learnedReward / optimalReward,
    qValues: agent.qValues,
  }
}

function whole(field: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new FleetError('INPUT_INVALID', { message: `${field} must be a whole number from ${min} to ${max}`, field })
}
