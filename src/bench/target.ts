import { type Interval, medianInterval, ratioSpread, type Spread, spread } from './median.js'
import { type Measure, readMeasure, type Sample, unitOf } from './sample.js'

/** Which figure of the run a target is about. Ratios are taken within each round, then their median. */
export type Metric =
  /** The figure itself: the median over the rounds. */
  | { readonly kind: 'median'; readonly of: Measure; readonly contestant: string }
  /** The figure divided by the same figure of another contestant: a speed-up, or the growth from a small to a large table. */
  | { readonly kind: 'ratio'; readonly of: Measure; readonly contestant: string; readonly to: string }
  /** The figure in the last round divided by that in the first: what repeated running makes worse (memory, bloat). */
  | { readonly kind: 'growth'; readonly of: Measure; readonly contestant: string }

/** A figure that is to be met. */
export interface Target {
  /** Unique within the scenario. */
  readonly id: string
  /** What is asked, in the words of the source. */
  readonly what: string
  /** Where it is asked: document and place. */
  readonly source: string
  readonly metric: Metric
  readonly op: '>=' | '<='
  readonly value: number
  /** The unit to print; needed for a scenario's own figures only. @default that of the measure, "x" for ratios */
  readonly unit?: string
  /** Print the 95 % interval of the median instead of the least and greatest round. Medians of a measure only. @default false */
  readonly interval?: boolean
}

/** A target with what was measured. */
export interface TargetResult extends Target {
  readonly unit: string
  readonly measured: Spread | null
  /** Where the true median lies with 95 % confidence; for targets that ask for it, from six rounds. */
  readonly range?: Interval | null
  /** `unmeasured`: the figure does not exist in this run; `reason` says why. A target is short too when calls failed. */
  readonly verdict: 'met' | 'short' | 'unmeasured'
  readonly reason: string | null
}

/** What evaluating targets needs of a contestant's result. `samples` holds one entry for each round. */
export interface Contended {
  readonly name: string
  readonly samples: readonly (Sample | null)[]
  readonly errors: number
  readonly unavailable: string | null
}

/** Compares a target with the samples of a run. */
export function evaluateTarget(target: Target, contestants: readonly Contended[]): TargetResult {
  const { metric, op, value } = target
  const unit = target.unit ?? (metric.kind === 'median' ? unitOf(metric.of) : 'x')
  const involved = [metric.contestant, ...(metric.kind === 'ratio' ? [metric.to] : [])].map((name) => ({
    name,
    contestant: contestants.find((one) => one.name === name),
  }))
  const measured = measuredOf(metric, contestants)
  if (measured === null) {
    const reasons = involved.map(({ name, contestant }) => absence(name, contestant, metric.of)).filter(Boolean)
    return { ...target, unit, measured, verdict: 'unmeasured', reason: reasons.join('; ') || 'too few rounds' }
  }
  const failed = involved.filter(({ contestant }) => (contestant?.errors ?? 0) > 0)
  if (failed.length > 0 && metric.of !== 'errors') {
    const reason = failed.map(({ name, contestant }) => `${contestant?.errors} calls of "${name}" failed`).join('; ')
    return { ...target, unit, measured, verdict: 'short', reason }
  }
  const met = op === '>=' ? measured.median >= value : measured.median <= value
  const range = target.interval ? { range: intervalOf(metric, contestants) } : {}
  return { ...target, unit, measured, ...range, verdict: met ? 'met' : 'short', reason: null }
}

function intervalOf(metric: Metric, contestants: readonly Contended[]): Interval | null {
  if (metric.kind !== 'median') return null
  const samples = contestants.find((one) => one.name === metric.contestant)?.samples ?? []
  return medianInterval(samples.map((sample) => sample && readMeasure(sample, metric.of)))
}

function measuredOf(metric: Metric, contestants: readonly Contended[]): Spread | null {
  const rounds = (name: string) =>
    (contestants.find((one) => one.name === name)?.samples ?? []).map(
      (sample) => sample && readMeasure(sample, metric.of),
    )
  const ours = rounds(metric.contestant)
  if (metric.kind === 'median') return spread(ours)
  if (metric.kind === 'ratio') return ratioSpread(ours, rounds(metric.to))
  return ours.length < 2 ? null : ratioSpread([ours.at(-1) ?? null], [ours[0] ?? null])
}

function absence(name: string, contestant: Contended | undefined, measure: Measure): string | null {
  if (contestant === undefined) return `no contestant "${name}"`
  if (contestant.unavailable !== null) return `"${name}": ${contestant.unavailable}`
  const present = contestant.samples.some((sample) => sample !== null && readMeasure(sample, measure) !== null)
  return present ? null : `"${name}" has no ${measure}`
}
