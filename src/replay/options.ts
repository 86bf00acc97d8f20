import { randomUUID } from 'node:crypto'
import { FleetError } from '../errors.js'
import type { ReplayProgress } from './replay.js'

/** Options of a replay. */
export interface ReplayOptions {
  /** Whole numbers; each draws its own exploration and its own random order. 1 to 100 of them. @default [1, 2, 3, 4, 5] */
  seeds?: readonly number[]
  /** Chance, 0 to 1, that a place of the order goes to a test at random. @default 0.02 */
  epsilon?: number
  /** Cycles to a window of the result. Minimum: 1. @default 50 */
  windowCycles?: number
  /** The agent type whose values are used; the store must know it. @default 'test-executor' */
  agentType?: string
  /**
   * What the values belong to. The default is new for each replay, because a replay that met the values of an earlier
   * one of the same history would have seen its future; name a scope only to go on learning where another history ended.
   * @default a random UUID
   */
  scope?: string
  /** Visits at which a view of a test counts half of what it can. Above 0. @default 2 */
  shrinkage?: number
  /** Called after each cycle; what it throws ends the replay. */
  onProgress?: (progress: ReplayProgress) => void
  /** Ends the replay between two cycles with `ABORTED`; what was learned until then stays in the store. */
  signal?: AbortSignal
}

/** Options with every default filled in. */
export type ResolvedReplayOptions = Required<Omit<ReplayOptions, 'onProgress' | 'signal'>> &
  Pick<ReplayOptions, 'onProgress' | 'signal'>

const SEEDS_MAX = 100

/** Checks options and fills in defaults. @throws FleetError `INPUT_INVALID` naming the option. */
export function resolveReplayOptions(options: ReplayOptions): ResolvedReplayOptions {
  const resolved = {
    seeds: options.seeds ?? [1, 2, 3, 4, 5],
    epsilon: options.epsilon ?? 0.02,
    windowCycles: options.windowCycles ?? 50,
    agentType: options.agentType ?? 'test-executor',
    scope: options.scope ?? randomUUID(),
    shrinkage: options.shrinkage ?? 2,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  }
  const { seeds, epsilon, windowCycles, agentType, scope, shrinkage } = resolved
  demand(seeds.length >= 1 && seeds.length <= SEEDS_MAX, 'seeds', `1 to ${SEEDS_MAX} seeds`)
  demand(seeds.every(Number.isSafeInteger), 'seeds', 'whole numbers')
  demand(epsilon >= 0 && epsilon <= 1, 'epsilon', 'a number from 0 to 1')
  demand(Number.isSafeInteger(windowCycles) && windowCycles >= 1, 'windowCycles', 'a whole number of 1 or more')
  demand(agentType !== '', 'agentType', 'the name of an agent type')
  demand(scope !== '', 'scope', 'a name')
  demand(shrinkage > 0 && Number.isFinite(shrinkage), 'shrinkage', 'a number above 0')
  return Object.freeze(resolved)
}

function demand(holds: boolean, field: string, expected: string): void {
  if (!holds) throw new FleetError('INPUT_INVALID', { message: `${field}: expected ${expected}.`, field })
}
