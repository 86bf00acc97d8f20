import { type Action, actionsOf, keyOf, outcomesOf, type PipelineState, reachableStates, STARTS } from './pipeline.js'

/** The solved world. */
export interface Optimum {
  /** Expected reward of an episode under the best policy. */
  readonly reward: number
  /** The best action of a state. */
  action(state: PipelineState): Action
  readonly states: number
  readonly stateActions: number
}

/** Values change by less than this when iteration ends. */
const TOLERANCE = 1e-12

/**
 * Solves the pipeline by value iteration (Bellman, Dynamic Programming, 1957; Sutton and Barto, Reinforcement Learning,
 * 2nd ed. 2018, section 4.4): v(s) becomes the greatest expected reward plus value of the state that follows, over and
 * over until nothing changes. Not discounted: tests and fixes use up hours, so every episode ends.
 */
export function solvePipeline(): Optimum {
  const states = reachableStates()
  const values = new Map<string, number>()
  const worth = (state: PipelineState, action: Action) => {
    let sum = 0
    for (const { chance, reward, next } of outcomesOf(state, action)) {
      sum += chance * (reward + (next === undefined ? 0 : (values.get(keyOf(next)) ?? 0)))
    }
    return sum
  }
  let change = Number.POSITIVE_INFINITY
  while (change > TOLERANCE) {
    change = 0
    for (const state of states) {
      const value = Math.max(...actionsOf(state).map((action) => worth(state, action)))
      change = Math.max(change, Math.abs(value - (values.get(keyOf(state)) ?? 0)))
      values.set(keyOf(state), value)
    }
  }
  return {
    reward: STARTS.reduce((sum, { chance, state }) => sum + chance * (values.get(keyOf(state)) ?? 0), 0),
    action: (state) => actionsOf(state).reduce((best, one) => (worth(state, one) > worth(state, best) ? one : best)),
    states: states.length,
    stateActions: states.reduce((sum, state) => sum + actionsOf(state).length, 0),
  }
}
