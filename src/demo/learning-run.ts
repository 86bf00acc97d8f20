import type { LearningStore } from '../stores/learning/index.js'
import { type Agent, createAgent, RATES } from './agent.js'

/** How long and how broadly the agents learn. */
export interface LearningRunOptions {
  /** Least episodes of each agent. */
  readonly episodes: number
  /** Changes that each agent watches at once. */
  readonly lanes: number
  readonly seed: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LearningProgress) => void) | undefined
}

/** Where the agents stand, after each step of all. */
export interface LearningProgress {
  /** Share of the episodes that are done, 0 to 1. */
  readonly share: number
  readonly seconds: number
  readonly updates: number
  readonly agents: readonly AgentProgress[]
}

/** Where one agent stands. */
export interface AgentProgress {
  readonly agentType: string
  readonly episodes: number
  /** Mean reward of the last 100 episodes; null before the first has ended. */
  readonly recentReward: number | null
  readonly epsilon: number
  readonly qValues: number
}

/** Episodes that "lately" means. */
export const RECENT_EPISODES = 100

/**
 * Lets one agent of each type learn until each has done its episodes. All act together, and then all learn, so that
 * their calls meet in the queues and travel in few statements, and so that the outcome does not depend on who is faster:
 * the same seed learns the same. Each agent works in a session of its own, which ends as `completed`, or `cancelled` on an error.
 */
export async function learnTogether(learning: LearningStore, run: LearningRunOptions): Promise<readonly Agent[]> {
  const { episodes, lanes, seed, signal, onProgress } = run
  const options = signal === undefined ? {} : { signal }
  const types = await learning.agentTypes.list()
  const agents: Agent[] = []
  const sessions: string[] = []
  for (const [index, { agentType }] of types.entries()) {
    await learning.agentTypes.upsert({ agentType, ...RATES })
    const sessionId = await learning.sessions.start({ agentType, name: 'demo', metadata: { seed, episodes } })
    sessions.push(sessionId)
    agents.push(createAgent(learning, { agentType, sessionId, lanes, seed: seed * 100 + index }))
  }
  const startedAt = performance.now()
  let ending: 'completed' | 'cancelled' = 'cancelled'
  try {
    while (agents.some((agent) => agent.rewards.length < episodes)) {
      await together(agents, (agent) => agent.act(options))
      await together(agents, (agent) => agent.learn(options))
      onProgress?.(progressOf(agents, episodes, (performance.now() - startedAt) / 1000))
    }
    ending = 'completed'
  } finally {
    await Promise.allSettled(sessions.map((id) => learning.sessions.end(id, ending)))
  }
  return agents
}

/** One phase of all agents. All settle before an error is thrown: nothing is in flight when the sessions end. */
async function together(agents: readonly Agent[], work: (agent: Agent) => Promise<void>): Promise<void> {
  for (const settled of await Promise.allSettled(agents.map(work))) {
    if (settled.status === 'rejected') throw settled.reason
  }
}

function progressOf(agents: readonly Agent[], episodes: number, seconds: number): LearningProgress {
  const done = agents.reduce((sum, agent) => sum + Math.min(agent.rewards.length, episodes), 0)
  return {
    share: done / (agents.length * episodes),
    seconds,
    updates: agents.reduce((sum, agent) => sum + agent.updates, 0),
    agents: agents.map((agent) => ({
      agentType: agent.agentType,
      episodes: agent.rewards.length,
      recentReward: mean(agent.rewards.slice(-RECENT_EPISODES)),
      epsilon: agent.epsilon,
      qValues: agent.qValues,
    })),
  }
}

/** Null of nothing. */
export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}
