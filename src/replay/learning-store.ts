/** Anything that JSON can say; states and actions are such values. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** What a store knows of one action in one state. */
export interface ActionValue {
  readonly action: Json
  /** Expected return. */
  readonly q: number
  /** How many experiences the value rests on; 1 or more. */
  readonly visits: number
}

/** One experience: what was done in which state, and what came of it. */
export interface Experience {
  readonly agentType: string
  readonly state: Json
  readonly action: Json
  readonly reward: number
  /** True when no state follows, so that the target is the reward alone. */
  readonly terminal?: boolean
  readonly nextState?: Json
  /** A constant rate in (0, 1], or `'visits'` for 1/visits, which makes the value the mean of its rewards. */
  readonly learningRate?: number | 'visits'
}

/**
 * The two operations of a learning store that a replay depends on. `tenant.learning` has this shape, and so may a
 * stand-in of a test; each call is one round trip.
 */
export interface LearningStore {
  /** The known action values of each state, in the order asked; an empty list for a state never visited. */
  values(requests: { agentType: string; state: Json }[]): Promise<readonly (readonly ActionValue[])[]>
  /** Applies temporal-difference updates and returns the new values in the order given. */
  learn(experiences: Experience[]): Promise<readonly { readonly q: number; readonly visits: number }[]>
}
