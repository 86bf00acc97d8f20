import { median } from '../bench/median.js'

/** What a window measured in a part of it. */
export interface Sample {
  /** Statements, changed rows, batches: what the value stands on. */
  readonly calls: number
  /** The metric, where lower is better; null where nothing happened. */
  readonly value: number | null
  /** What must not get worse meanwhile. */
  readonly guards: readonly GuardValue[]
}

/** Something that a change must not spoil. */
export interface GuardValue {
  readonly name: string
  readonly value: number
  /** How far it may go. */
  readonly limit: number
  /** True when it must not be below the limit; otherwise it must not be above. */
  readonly isFloor: boolean
  /** True of what is computed or looked at closely: once is enough. @default false, two in a row are */
  readonly isCertain?: boolean
  /** True where the limit is a factor of what it was in the window without the change: what a server's other work moves as well. @default false */
  readonly isRelative?: boolean
}

/** A time in which nothing was changed, with the samples that were taken. */
export interface Window {
  readonly changed: boolean
  readonly startedAt: Date
  readonly samples: readonly Sample[]
}

/** How much a change did, as a factor: 0.8 is a fifth less. */
export interface Effect {
  readonly factor: number
  readonly low: number
  readonly high: number
  /** How surely it lies between low and high; at least what was asked for. */
  readonly confidence: number
}

/** How a trial is decided. */
export type Decision = 'better' | 'no-better' | 'harmful' | 'no-verdict' | 'interrupted'

/** The decision on what was measured, and why. */
export interface Verdict {
  readonly decision: Extract<Decision, 'better' | 'no-better' | 'harmful' | 'no-verdict'>
  readonly explanation: string
  readonly effect?: Effect
}

/** How surely the effect has to lie within its interval. */
const CONFIDENCE = 0.95
/** Samples of either side without which no interval is that sure: two of 70 orders of 4 and 4 are the utmost ones. */
export const SAMPLES_MIN = 4
/** A metric that is so many times what it was before, two samples in a row, is harm. */
export const HARM_FACTOR = 1.5
/** A sample that tells nothing. */
const NOTHING: Sample = { calls: 0, value: null, guards: [] }
/** What stands for nothing: a share of dead rows of 0 has no logarithm. */
const LEAST = 1e-6

export function isBreached({ value, limit, isFloor }: GuardValue): boolean {
  return isFloor ? value < limit : value > limit
}

/** The guard that a sample breaks, in words. */
export function breachOf({ guards }: Sample): string | undefined {
  const guard = guards.find(isBreached)
  return guard && `${guard.name} is ${round(guard.value)}, ${guard.isFloor ? 'below' : 'above'} ${round(guard.limit)}`
}

/** The guards of a sample with the change, the relative ones as factors of what they were in the last window without it. */
export function comparedWith(before: readonly Window[], guards: readonly GuardValue[]): GuardValue[] {
  const without = before.findLast(({ changed }) => !changed)?.samples ?? []
  return guards.flatMap((guard) => {
    if (!guard.isRelative) return [guard]
    const usual = median(
      without.flatMap((one) => one.guards.filter(({ name }) => name === guard.name)).map(({ value }) => value),
    )
    return usual === null || usual <= 0 ? [] : [{ ...guard, value: guard.value / usual }]
  })
}

/** Whether what comes in during a trial is reason enough to end it at once. */
export function harmOf(before: readonly Window[], running: readonly Sample[]): string | undefined {
  const last = running.at(-1)
  if (last === undefined) return undefined
  const breach = breachOf(last)
  const isCertain = last.guards.some((guard) => guard.isCertain && isBreached(guard))
  if (breach !== undefined && (isCertain || breachOf(running.at(-2) ?? NOTHING) !== undefined)) return breach
  const usual = median(valuesOf(before, false))
  if (usual === null) return undefined
  const lastTwo = running.filter(({ value }) => value !== null).slice(-2)
  const worse = lastTwo.filter(({ value }) => (value as number) > HARM_FACTOR * Math.max(usual, LEAST))
  return worse.length === 2
    ? `twice in a row the metric was more than ${HARM_FACTOR} times what it is without`
    : undefined
}

/**
 * Decides on all windows of a trial: keeps what wins outside the noise, while every guard holds. `gainMin` is the least part
 * of the metric that is worth a setting, `callsMin` what has to happen in each window.
 */
export function decide(windows: readonly Window[], gainMin: number, callsMin: number): Verdict {
  for (const { changed, samples } of windows) {
    const calls = samples.reduce((sum, sample) => sum + sample.calls, 0)
    if (calls < callsMin) {
      return {
        decision: 'no-verdict',
        explanation: `too little happened ${changed ? 'with' : 'without'} the change: ${round(calls)} calls in a window, of ${callsMin} at least`,
      }
    }
  }
  const changed = windows.filter((window) => window.changed)
  const [before, after] = [valuesOf(windows, false), valuesOf(windows, true)]
  if (before.length < SAMPLES_MIN || after.length < SAMPLES_MIN) {
    return {
      decision: 'no-verdict',
      explanation: `${before.length} samples before and ${after.length} after have a value, of ${SAMPLES_MIN} at least`,
    }
  }
  const effect = effectOf(before, after)
  const told = `${round(effect.factor)} times what it was, between ${round(effect.low)} and ${round(effect.high)}`
  const breaches = changed.map(({ samples }) => samples.map(breachOf).filter((breach) => breach !== undefined))
  // Half of a window is no accident.
  const broken = breaches.find((found, i) => 2 * found.length >= (changed[i]?.samples.length ?? 0) && found.length > 0)
  if (broken !== undefined) return { decision: 'harmful', explanation: broken[0] as string, effect }
  if (effect.low > 1) return { decision: 'harmful', explanation: `the metric is ${told}`, effect }
  if (effect.high >= 1)
    return { decision: 'no-better', explanation: `the metric is ${told}: no more than noise`, effect }
  if (effect.factor > 1 - gainMin) {
    return {
      decision: 'no-better',
      explanation: `the metric is ${told}: less than ${percent(gainMin)} is gained`,
      effect,
    }
  }
  // Each pair of windows has to agree, or what changed meanwhile is taken for what the setting did.
  const disagrees = windows.some((window, i) => {
    const next = windows[i + 1]
    if (next === undefined || window.changed || !next.changed) return false
    return (median(valuesOf([next], true)) ?? 0) >= (median(valuesOf([window], false)) ?? Number.POSITIVE_INFINITY)
  })
  if (disagrees)
    return { decision: 'no-better', explanation: `the metric is ${told}, but not each time it was set`, effect }
  return { decision: 'better', explanation: `the metric is ${told}`, effect }
}

/**
 * The factor between two groups of samples, and its interval: the estimate of Hodges and Lehmann (1963) on logarithms, the
 * median of all differences, and the interval that belongs to it, from the exact distribution of the rank sum of Mann and
 * Whitney (1947). It asks for no shape of the noise, and a few outliers do not move it; where either side has fewer than
 * SAMPLES_MIN, or noise is large, the interval is wide rather than wrong.
 */
export function effectOf(before: readonly number[], after: readonly number[], confidence = CONFIDENCE): Effect {
  const logs = (values: readonly number[]) => values.map((value) => Math.log(Math.max(value, LEAST)))
  const [old, now] = [logs(before), logs(after)]
  const differences = now.flatMap((one) => old.map((other) => one - other)).sort((a, b) => a - b)
  const counts = rankSumCounts(old.length, now.length)
  const orders = counts.reduce((sum, count) => sum + count, 0)
  // Of the tail on each side as much as may be missed: differences up to there are outside the interval.
  let outside = 0
  let tail = 0
  while (outside < differences.length / 2 && (tail + (counts[outside] as number)) / orders <= (1 - confidence) / 2) {
    tail += counts[outside] as number
    outside++
  }
  if (outside === 0) {
    return { factor: Math.exp(median(differences) ?? 0), low: 0, high: Number.POSITIVE_INFINITY, confidence: 1 }
  }
  return {
    factor: Math.exp(median(differences) ?? 0),
    low: Math.exp(differences[outside - 1] as number),
    high: Math.exp(differences[differences.length - outside] as number),
    confidence: 1 - (2 * tail) / orders,
  }
}

/** In how many orders of n and m values the rank sum is 0, 1, 2, ... above its least. */
function rankSumCounts(n: number, m: number): number[] {
  // counts[k] with i values of one side taken: one value after the other of the n + m places.
  const counts: number[][] = Array.from({ length: n + 1 }, (_, i) => (i === 0 ? [1] : []))
  for (let place = 1; place <= n + m; place++) {
    for (let taken = Math.min(place, n); taken >= 1; taken--) {
      const above = place - taken
      if (above > m) continue
      for (const [sum, count] of (counts[taken - 1] as number[]).entries()) {
        const into = counts[taken] as number[]
        into[sum + above] = (into[sum + above] ?? 0) + count
      }
    }
  }
  return Array.from(counts[n] as number[], (count) => count ?? 0)
}

function valuesOf(windows: readonly Window[], changed: boolean): number[] {
  return windows
    .filter((window) => window.changed === changed)
    .flatMap(({ samples }) => samples.flatMap(({ value }) => (value === null ? [] : [value])))
}

const round = (value: number) =>
  Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : Number(value.toPrecision(3)).toString()
const percent = (share: number) => `${round(share * 100)} %`
