import type { LearningStore, NewPattern } from '../stores/learning/index.js'
import type { Policy } from './episodes.js'
import { type Action, actionsOf, keyOf, type PipelineState, reachableStates } from './pipeline.js'

/** What an agent would do in each state, read back from the store. */
export interface LearnedPolicy {
  readonly agentType: string
  /** The best known action; `hold` in a state that the agent never met. */
  readonly policy: Policy
  readonly rules: readonly { readonly state: PipelineState; readonly action: Action; readonly q: number }[]
}

/** Reads the learned policies of all agents: one call. */
export async function readPolicies(learning: LearningStore, agentTypes: readonly string[]): Promise<LearnedPolicy[]> {
  const states = reachableStates()
  const lookups = agentTypes.flatMap((agentType) => states.map((state) => ({ agentType, state: { ...state } })))
  const found = await learning.best(lookups)
  return agentTypes.map((agentType, i) => {
    const rules = states.flatMap((state, k) => {
      const best = found[i * states.length + k]
      return best === undefined ? [] : [{ state, action: best.action as Action, q: best.q }]
    })
    const byState = new Map(rules.map(({ state, action }) => [keyOf(state), action]))
    return { agentType, rules, policy: (state) => byState.get(keyOf(state)) ?? 'hold' }
  })
}

/** An agent type that never acts. */
const NEWCOMER = { agentType: 'newcomer', displayName: 'Newcomer', category: 'newcomers' }

/**
 * What an agent type that knows nothing would do: `choose` falls back to the values of the whole fleet, the mean of all
 * agents weighted by their visits. Adds the agent type `newcomer`, and takes it away again.
 */
export async function readFleetPolicy(learning: LearningStore, seed: number): Promise<Policy> {
  const { agentType } = await learning.agentTypes.upsert(NEWCOMER)
  const states = reachableStates()
  const choices = await learning.choose(
    states.map((state) => ({ agentType, state: { ...state }, actions: actionsOf(state), epsilon: 0, seed })),
  )
  await learning.agentTypes.remove(agentType)
  const byState = new Map(states.map((state, i) => [keyOf(state), choices[i]?.action as Action]))
  return (state) => byState.get(keyOf(state)) ?? 'hold'
}

/** Keeps what the agents learned as patterns: found by name, or by the state that calls for them. Returns how many. */
export async function rememberRules(learning: LearningStore, policies: readonly LearnedPolicy[]): Promise<number> {
  const patterns: NewPattern[] = policies.flatMap(({ agentType, rules }) =>
    rules.map(({ state, action, q }) => ({
      agentType,
      name: `${state.risk} risk, ${state.stage}, ${state.hours} h left: ${action}`,
      type: 'pipeline_rule',
      category: 'demo',
      data: { action, expectedReward: q },
      triggerConditions: { stage: state.stage, risk: state.risk, hours: state.hours },
    })),
  )
  for (let first = 0; first < patterns.length; first += 1000) {
    await learning.patterns.remember(patterns.slice(first, first + 1000))
  }
  return patterns.length
}
