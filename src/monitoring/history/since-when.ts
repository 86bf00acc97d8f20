import { FleetError } from '../../errors.js'
import type { HistoryMark } from './history-marks.js'

/** A condition on a value: `> 100`. */
export interface ValueCondition {
  readonly operator: '>' | '>=' | '<' | '<=' | '=' | '!='
  readonly threshold: number
}

/** Since when a condition holds. */
export interface SinceWhen {
  /** Whether it holds in the latest snapshot that had a value. */
  readonly holds: boolean
  /** The latest value, and its time; undefined: there is none. */
  readonly now: TimedValue | undefined
  /** The first snapshot of the unbroken run that goes on; undefined where it does not hold. */
  readonly since: Date | undefined
  /** The last value before the run, for which it did not hold; undefined: it has held since the first that was looked at. */
  readonly before: TimedValue | undefined
  /** Where it does not hold: when it last did, from its first snapshot to its last. */
  readonly lastHeld: { readonly from: Date; readonly to: Date } | undefined
  /** Gaps and the like inside the run, or right before it: nobody knows what the value was then. */
  readonly unseen: readonly HistoryMark[]
  /** What else happened around the time at which the run began. */
  readonly around: readonly HistoryMark[]
}

/** A value with the time of its snapshot. */
export interface TimedValue {
  readonly at: Date
  readonly value: number
}

/** Parses a condition like `> 100` or `<=0.5`. Errors: INPUT_INVALID. */
export function parseCondition(text: string): ValueCondition {
  const [, operator, number] = /^\s*(>=|<=|!=|>|<|=)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*$/i.exec(text) ?? []
  if (operator === undefined || number === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'sinceWhen: a condition like "> 100" is expected, with >, >=, <, <=, = or !=',
      field: 'sinceWhen',
    })
  }
  return { operator: operator as ValueCondition['operator'], threshold: Number(number) }
}

/** Whether a condition holds for a value. */
export function holds({ operator, threshold }: ValueCondition, value: number): boolean {
  switch (operator) {
    case '>':
      return value > threshold
    case '>=':
      return value >= threshold
    case '<':
      return value < threshold
    case '<=':
      return value <= threshold
    case '=':
      return value === threshold
    case '!=':
      return value !== threshold
  }
}

/** How long before and after the beginning of a run other things count as having happened then, in milliseconds. */
const AROUND_MS = 300_000

/** What hides a value. */
const HIDES: ReadonlySet<string> = new Set(['gap', 'down', 'failure', 'damage'])

/**
 * Since when a condition holds. Snapshots without a value neither hold it nor break the run: what hid them is told. The values are
 * in the order of their snapshots.
 */
export function sinceWhen(
  condition: ValueCondition,
  times: readonly Date[],
  values: readonly (number | null)[],
  marks: readonly HistoryMark[],
): SinceWhen {
  const known = values.flatMap((value, i): TimedValue[] => (value === null ? [] : [{ at: times[i] as Date, value }]))
  const now = known.at(-1)
  const isTrue = ({ value }: TimedValue) => holds(condition, value)
  if (now === undefined || !isTrue(now)) {
    const end = known.findLastIndex(isTrue)
    const before = known.slice(0, Math.max(end, 0)).findLastIndex((one) => !isTrue(one))
    const lastHeld =
      end < 0 ? undefined : { from: (known[before + 1] as TimedValue).at, to: (known[end] as TimedValue).at }
    return { holds: false, now, since: undefined, before: undefined, lastHeld, unseen: [], around: [] }
  }
  const place = known.findLastIndex((one) => !isTrue(one))
  const since = (known[place + 1] as TimedValue).at
  const before = known[place]
  const start = before?.at ?? since
  const near = (at: Date) => at.getTime() >= start.getTime() - AROUND_MS && at.getTime() <= since.getTime() + AROUND_MS
  return {
    holds: true,
    now,
    since,
    before,
    lastHeld: undefined,
    unseen: marks.filter(({ kind, until, at }) => HIDES.has(kind) && (until ?? now.at) > start && at < now.at),
    around: marks.filter(({ kind, at }) => !HIDES.has(kind) && near(at)),
  }
}
