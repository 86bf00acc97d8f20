import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { mersenne } from 'pure-rand/generator/mersenne'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { type Action, actionsOf, type Outcome, outcomesOf, type PipelineState, STARTS } from './pipeline.js'

/** What to do in a state; may draw from the episode's own generator. */
export type Policy = (state: PipelineState, random: RandomGenerator) => Action

/** Any action for which there is time, each as likely as the others. */
export const randomPolicy: Policy = (state, random) => {
  const actions = actionsOf(state)
  return actions[uniformInt(random, 0, actions.length - 1)] as Action
}

/** Draws where an episode begins. */
export function drawStart(random: RandomGenerator): PipelineState {
  return draw(STARTS, random).state
}

/** Draws how an action turns out. */
export function drawOutcome(state: PipelineState, action: Action, random: RandomGenerator): Outcome {
  return draw(outcomesOf(state, action), random)
}

/** Mean reward of so many episodes; the same policy and seed give the same mean. */
export function evaluatePolicy(policy: Policy, episodes: number, seed: number): number {
  const random = mersenne(seed)
  let total = 0
  for (let episode = 0; episode < episodes; episode++) {
    for (let state: PipelineState | undefined = drawStart(random); state !== undefined; ) {
      const outcome = drawOutcome(state, policy(state, random), random)
      total += outcome.reward
      state = outcome.next
    }
  }
  return total / episodes
}

function draw<T extends { readonly chance: number }>(choices: readonly T[], random: RandomGenerator): T {
  let left = uniformFloat64(random)
  for (const choice of choices) {
    left -= choice.chance
    if (left < 0) return choice
  }
  return choices.at(-1) as T
}
