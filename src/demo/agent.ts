import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { mersenne } from 'pure-rand/generator/mersenne'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { v7 as uuidv7 } from 'uuid'
import type { CallOptions } from '../database/batch.js'
import type { ChoiceRequest, Experience, LearningStore, Trajectory } from '../stores/learning/index.js'
import { drawOutcome, drawStart } from './episodes.js'
import { type Action, actionsOf, type PipelineState } from './pipeline.js'

/** The rates of every agent type of the demo: from all random to one action in ten, after 382 episodes. */
export const RATES = { explorationRate: 1, minExplorationRate: 0.1, explorationDecay: 0.994, discountFactor: 1 }

/** One change on its way through the pipeline. */
interface Lane {
  readonly random: RandomGenerator
  readonly startedAt: Date
  readonly states: PipelineState[]
  readonly actions: Action[]
  readonly rewards: number[]
}

/** An agent of one type that watches some changes at once. */
export interface Agent {
  readonly agentType: string
  /** Rewards of the episodes ended, in order. */
  readonly rewards: readonly number[]
  /** Chance of a random action, as the database last said. */
  readonly epsilon: number
  /** State-action pairs that this agent has met. */
  readonly qValues: number
  readonly updates: number
  /** Decides what to do with each of its changes, and does it. */
  act(options: CallOptions): Promise<void>
  /** Learns from what it did last; keeps and reports the episodes that ended. */
  learn(options: CallOptions): Promise<void>
}

/** An agent whose every draw follows from the seed. */
export function createAgent(
  learning: LearningStore,
  content: { agentType: string; sessionId: string; lanes: number; seed: number },
): Agent {
  const { agentType, sessionId, seed } = content
  const lanes = Array.from({ length: content.lanes }, (_, i) => newLane(mersenne(seed * 1000 + i)))
  const rewards: number[] = []
  const totals = { epsilon: RATES.explorationRate as number, qValues: 0, updates: 0 }
  let experiences: Experience[] = []
  let ended: Trajectory[] = []

  const report = async (options: CallOptions) => {
    if (ended.length === 0) return
    const succeeded = ended.filter((one) => one.succeeded).length
    const { explorationRate } = await learning.agents.report(
      {
        agentType,
        instanceId: 'demo',
        status: 'learning',
        episodes: ended.length,
        succeeded,
        failed: ended.length - succeeded,
        reward: rewards.slice(-ended.length).reduce((sum, reward) => sum + reward, 0),
      },
      options,
    )
    totals.epsilon = explorationRate
  }

  return {
    agentType,
    rewards,
    get epsilon() {
      return totals.epsilon
    },
    get qValues() {
      return totals.qValues
    },
    get updates() {
      return totals.updates
    },
    async act(options) {
      const choices = await learning.choose(
        lanes.map((lane) => request(agentType, lane, totals.epsilon)),
        options,
      )
      ended = []
      experiences = lanes.map((lane, i) => {
        const choice = choices[i]
        const state = stateOf(lane)
        const action = choice?.action as Action
        const { reward, next } = drawOutcome(state, action, lane.random)
        lane.actions.push(action)
        lane.rewards.push(reward)
        if (next !== undefined) lane.states.push(next)
        else {
          ended.push(trajectoryOf(lane, agentType, sessionId))
          rewards.push(lane.rewards.reduce((sum, one) => sum + one, 0))
          lanes[i] = newLane(lane.random)
        }
        // Falls with experience, slower than 1/n: early targets rest on values that were not known yet (Even-Dar and
        // Mansour, Learning rates for Q-learning, JMLR 5, 2003).
        const visits = choice?.source === 'agent-type' ? choice.visits : 0
        const learningRate = Math.max(0.01, (visits + 1) ** -0.9)
        const then = next === undefined ? { terminal: true } : { nextState: { ...next } }
        return { agentType, state: { ...state }, action, reward, ...then, learningRate, sessionId }
      })
    },
    async learn(options) {
      const [learned] = await Promise.all([
        learning.learn(experiences, options),
        learning.recordTrajectories(ended, options),
        report(options),
      ])
      totals.qValues += learned.filter((one) => one.visits === 1).length
      totals.updates += learned.length
    },
  }
}

function request(agentType: string, lane: Lane, epsilon: number): ChoiceRequest {
  const state = stateOf(lane)
  return {
    agentType,
    state: { ...state },
    actions: actionsOf(state),
    epsilon,
    seed: uniformInt(lane.random, 0, 2 ** 31 - 1),
  }
}

function stateOf(lane: Lane): PipelineState {
  return lane.states.at(-1) as PipelineState
}

function newLane(random: RandomGenerator): Lane {
  return { random, startedAt: new Date(), states: [drawStart(random)], actions: [], rewards: [] }
}

/** A change that was deployed and stayed so succeeded. */
function trajectoryOf(lane: Lane, agentType: string, sessionId: string): Trajectory {
  const completedAt = new Date()
  const states = lane.states.map((state) => ({ ...state }))
  return {
    id: uuidv7(),
    agentType,
    sessionId,
    initialState: states[0] ?? null,
    states,
    actions: lane.actions,
    rewards: lane.rewards,
    executionMs: completedAt.getTime() - lane.startedAt.getTime(),
    succeeded: (lane.rewards.at(-1) ?? 0) > 0,
    startedAt: lane.startedAt,
    completedAt,
  }
}
