/**
 * The world of the demo: a change goes through a pipeline, and an agent decides at each step what to do with it. Small
 * enough to solve exactly, so that what the agents learn can be compared with the best there is.
 *
 * The state holds what is known of the change: whether it was tested and how that ended, how risky it looked from the
 * start, and how many hours are left. Whether it is defective is hidden; the chance of it follows from the state by
 * Bayes' rule, and is what makes testing worth its time.
 */
export interface PipelineState {
  readonly stage: Stage
  readonly risk: Risk
  /** Hours left for this change, 0 to 3. */
  readonly hours: number
}

export type Stage = 'untested' | 'fast-passed' | 'all-passed' | 'failed'
export type Risk = 'low' | 'medium' | 'high'

/** What an agent can do, with the hours it takes. `deploy` and `hold` end the episode. */
export const ACTIONS = { 'run-fast-tests': 1, 'run-all-tests': 2, fix: 2, deploy: 0, hold: 0 } as const
export type Action = keyof typeof ACTIONS

/** One way in which an action can turn out; without `next` the episode is over. */
export interface Outcome {
  readonly chance: number
  readonly reward: number
  readonly next?: PipelineState
}

/** Chance that a change is defective, by how risky it looked. */
const DEFECTIVE: Record<Risk, number> = { low: 0.05, medium: 0.3, high: 0.7 }
/** Chance that tests fail on a defective change, and on a good one (flaky tests). */
const TESTS = {
  'run-fast-tests': { detect: 0.7, flake: 0.02, passed: 'fast-passed' },
  'run-all-tests': { detect: 0.98, flake: 0.04, passed: 'all-passed' },
} as const
/** A fix makes the change one step less risky this often. */
const FIX_HELPS = 0.75
const SAFER: Record<Risk, Risk> = { low: 'low', medium: 'low', high: 'medium' }
const HOUR_REWARD = -0.6
const REWARD = { deployed: 10, rolledBack: -10, held: -1 }

/** Where episodes begin, and how often. */
export const STARTS: readonly { readonly chance: number; readonly state: PipelineState }[] = [
  { chance: 0.4, state: { stage: 'untested', risk: 'low', hours: 3 } },
  { chance: 0.35, state: { stage: 'untested', risk: 'medium', hours: 3 } },
  { chance: 0.25, state: { stage: 'untested', risk: 'high', hours: 3 } },
]

/** The actions for which there is time. */
export function actionsOf(state: PipelineState): Action[] {
  return (Object.keys(ACTIONS) as Action[]).filter((action) => ACTIONS[action] <= state.hours)
}

/** Every way in which the action can turn out; the chances add up to 1. */
export function outcomesOf(state: PipelineState, action: Action): Outcome[] {
  const defective = chanceOfDefect(state)
  const { risk } = state
  const hours = state.hours - ACTIONS[action]
  const reward = ACTIONS[action] * HOUR_REWARD
  if (action === 'hold') return [{ chance: 1, reward: REWARD.held }]
  if (action === 'deploy') {
    return [
      { chance: 1 - defective, reward: REWARD.deployed },
      { chance: defective, reward: REWARD.rolledBack },
    ]
  }
  if (action === 'fix') {
    return [
      { chance: FIX_HELPS, reward, next: { stage: 'untested', risk: SAFER[risk], hours } },
      { chance: 1 - FIX_HELPS, reward, next: { stage: 'untested', risk, hours } },
    ]
  }
  const { detect, flake, passed } = TESTS[action]
  // Tests that passed pass again, flakes apart: running them twice finds nothing new.
  const ranBefore = state.stage === 'all-passed' || state.stage === passed
  const fails = ranBefore ? flake : defective * detect + (1 - defective) * flake
  return [
    { chance: 1 - fails, reward, next: { stage: ranBefore ? state.stage : passed, risk, hours } },
    { chance: fails, reward, next: { stage: 'failed', risk, hours } },
  ]
}

/** The chance that the change is defective, given what is known. Failed tests are taken to have been the fast ones. */
function chanceOfDefect({ stage, risk }: PipelineState): number {
  const prior = DEFECTIVE[risk]
  if (stage === 'untested') return prior
  const { detect, flake } = TESTS[stage === 'all-passed' ? 'run-all-tests' : 'run-fast-tests']
  const [bad, good] = stage === 'failed' ? [detect, flake] : [1 - detect, 1 - flake]
  return (prior * bad) / (prior * bad + (1 - prior) * good)
}

/** The states that can be reached: 33, with 105 actions in all. In a fixed order. */
export function reachableStates(): PipelineState[] {
  const found = new Map<string, PipelineState>()
  const visit = (state: PipelineState) => {
    if (found.has(keyOf(state))) return
    found.set(keyOf(state), state)
    for (const action of actionsOf(state)) {
      for (const { next } of outcomesOf(state, action)) if (next !== undefined) visit(next)
    }
  }
  for (const { state } of STARTS) visit(state)
  return [...found.values()]
}

export function keyOf({ stage, risk, hours }: PipelineState): string {
  return `${stage} ${risk} ${hours}`
}
