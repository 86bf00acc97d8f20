import { FleetError } from '../errors.js'

/** How large a benchmark is. */
export interface BenchOptions {
  /** How often each contestant runs; the medians are over these. 1 to 99; use an odd number of at least 3. @default 5 */
  readonly rounds: number
  /** How long each contestant runs uncounted before each measure, in milliseconds. 0 to 600,000. @default 1_000 */
  readonly warmUpMs: number
  /** How long each contestant is measured in each round, in milliseconds. 1 to 3,600,000. @default 5_000 */
  readonly durationMs: number
  /** How many rows the scenario prepares; it says of which table. 1 to 100,000,000. @default 10_000 */
  readonly rows: number
  /** Concurrent callers, and pgbench clients. 1 to 1,000. @default 18 (the agents of the source document) */
  readonly callers: number
}

const LIMITS: Record<keyof BenchOptions, { readonly fallback: number; readonly min: number; readonly max: number }> = {
  rounds: { fallback: 5, min: 1, max: 99 },
  warmUpMs: { fallback: 1_000, min: 0, max: 600_000 },
  durationMs: { fallback: 5_000, min: 1, max: 3_600_000 },
  rows: { fallback: 10_000, min: 1, max: 100_000_000 },
  callers: { fallback: 18, min: 1, max: 1_000 },
}

/**
 * The options of a run: what the caller gave, else the scenario's own, else the defaults. Unknown names and values that
 * are not whole numbers in range are refused with INPUT_INVALID; undefined counts as not given. The result is frozen.
 */
export function resolveBenchOptions(
  given: { readonly [name in keyof BenchOptions]?: number | undefined } = {},
  scenario: Partial<BenchOptions> = {},
): BenchOptions {
  const resolved: Record<string, number> = {}
  for (const [name, { fallback }] of Object.entries(LIMITS)) resolved[name] = fallback
  for (const [name, value] of [...Object.entries(scenario), ...Object.entries(given)]) {
    if (value !== undefined) resolved[name] = checked(name, value)
  }
  return Object.freeze(resolved) as unknown as BenchOptions
}

function checked(name: string, value: number): number {
  const known = Object.keys(LIMITS)
  if (!known.includes(name)) {
    const message = `Unknown benchmark option "${name}"; known are ${known.join(', ')}.`
    throw new FleetError('INPUT_INVALID', { message, field: name })
  }
  const { min, max } = LIMITS[name as keyof BenchOptions]
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new FleetError('INPUT_INVALID', {
    message: `${name} must be a whole number from ${min} to ${max}.`,
    field: name,
  })
}
