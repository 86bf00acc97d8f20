import { describe, expect, test } from 'vitest'
import {
  ACTIONS,
  type Action,
  actionsOf,
  evaluatePolicy,
  keyOf,
  outcomesOf,
  type PipelineState,
  randomPolicy,
  reachableStates,
  STARTS,
  solvePipeline,
} from '../../dist/demo/index.js'

const states = reachableStates()

describe('the pipeline', () => {
  test('has 33 states and 105 state-action pairs', () => {
    expect(states).toHaveLength(33)
    expect(new Set(states.map(keyOf)).size).toBe(33)
    expect(states.reduce((sum, state) => sum + actionsOf(state).length, 0)).toBe(105)
  })

  test('has chances that add up to 1, and hours that only fall', () => {
    expect(STARTS.reduce((sum, { chance }) => sum + chance, 0)).toBeCloseTo(1)
    for (const state of states) {
      for (const action of actionsOf(state)) {
        const outcomes = outcomesOf(state, action)
        expect(outcomes.reduce((sum, { chance }) => sum + chance, 0)).toBeCloseTo(1, 12)
        for (const { chance, next } of outcomes) {
          expect(chance).toBeGreaterThanOrEqual(0)
          if (next !== undefined) expect(next.hours).toBe(state.hours - ACTIONS[action])
        }
      }
    }
  })

  test('believes what tests say by the rule of Bayes', () => {
    const chance = (state: PipelineState) => outcomesOf(state, 'deploy')[1]?.chance
    const medium = { risk: 'medium', hours: 0 } as const
    expect(chance({ ...medium, stage: 'untested' })).toBeCloseTo(0.3)
    expect(chance({ ...medium, stage: 'fast-passed' })).toBeCloseTo(0.09 / (0.09 + 0.686))
    expect(chance({ ...medium, stage: 'failed' })).toBeCloseTo(0.21 / (0.21 + 0.014))
  })
})

describe('the optimum', () => {
  const optimum = solvePipeline()

  test('is what an exhaustive search of the decision tree finds', () => {
    const worth = (state: PipelineState): number => Math.max(...actionsOf(state).map((action) => after(state, action)))
    const after = (state: PipelineState, action: Action): number =>
      outcomesOf(state, action).reduce(
        (sum, { chance, reward, next }) => sum + chance * (reward + (next ? worth(next) : 0)),
        0,
      )
    const expected = STARTS.reduce((sum, { chance, state }) => sum + chance * worth(state), 0)
    expect(optimum.reward).toBeCloseTo(expected, 9)
    expect(optimum.reward).toBeCloseTo(6.6389, 4)
  })

  test('is reached by its own policy, and not by chance', () => {
    expect(evaluatePolicy(optimum.action, 50_000, 3)).toBeCloseTo(optimum.reward, 0)
    expect(evaluatePolicy(randomPolicy, 50_000, 3)).toBeLessThan(optimum.reward / 4)
    expect(evaluatePolicy(randomPolicy, 1000, 3)).toBe(evaluatePolicy(randomPolicy, 1000, 3))
  })
})
