import type { Target } from './knob.js'
import type { Decision, Effect, Window } from './verdict.js'

/** How far a trial is: `measuring` has changed nothing, `applied` may have; the others are how it ended. */
export type TrialState = 'measuring' | 'applied' | 'kept' | 'rolled-back' | 'undone'

/** A trial of a setting, with its evidence. */
export interface Trial {
  readonly id: string
  readonly knob: string
  /** Where the setting lies. */
  readonly place: 'server' | 'pooler' | 'process'
  readonly target: Target
  readonly scope: string
  readonly setting: string
  /** What was set there; null: nothing. */
  readonly oldValue: string | null
  readonly newValue: string
  /** For people; the way back is made of target and old value. */
  readonly apply: string
  readonly undo: string
  readonly reason: string
  readonly metric: string
  readonly guard: string
  readonly windowMs: number
  readonly login: string
  /** Host and process. */
  readonly holder: string
  readonly state: TrialState
  readonly startedAt: Date
  readonly appliedAt: Date | null
  readonly endedAt: Date | null
  readonly decision: Decision | null
  readonly explanation: string | null
  readonly windows: readonly Window[]
  readonly effect: Effect | null
  readonly undoneAt: Date | null
  readonly undoneBy: string | null
}
