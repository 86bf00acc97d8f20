import type { Contestant } from './contestant.js'
import { ratioSpread, type Spread, spread } from './median.js'
import { type Measure, readMeasure, type Sample } from './sample.js'

/** What one contestant did in a run: its sample of every round and the medians over them. */
export interface ContestantResult {
  readonly name: string
  readonly kind: Contestant['kind']
  readonly callers: number
  /** The contestant it is compared to. */
  readonly rival: string | null
  /** Why it could not take part; null when it did. */
  readonly unavailable: string | null
  /** The raw values, one entry for each round; null for a round without one. */
  readonly samples: readonly (Sample | null)[]
  /** Items per second. */
  readonly throughput: Spread | null
  /** Latencies of a call in milliseconds. */
  readonly mean: Spread | null
  readonly p50: Spread | null
  readonly p95: Spread | null
  readonly p99: Spread | null
  /** Greatest resident memory of this process in MB. */
  readonly rss: Spread | null
  /** Its throughput divided by its rival's, in each round. */
  readonly ratio: Spread | null
  /** Failed calls of all rounds. */
  readonly errors: number
}

/** Puts the samples of a contestant together. */
export function summarize(
  contestant: Contestant,
  samples: ReadonlyMap<string, readonly (Sample | null)[]>,
  absences: ReadonlyMap<string, string>,
): ContestantResult {
  const { name, kind, callers, rival } = contestant
  const own = samples.get(name) ?? []
  const read = (of: readonly (Sample | null)[], measure: Measure) =>
    of.map((sample) => sample && readMeasure(sample, measure))
  const over = (measure: Measure) => spread(read(own, measure))
  const theirs = rival === undefined ? [] : read(samples.get(rival) ?? [], 'throughput')
  return {
    name,
    kind,
    callers,
    rival: rival ?? null,
    unavailable: absences.get(name) ?? null,
    samples: own,
    throughput: over('throughput'),
    mean: over('mean'),
    p50: over('p50'),
    p95: over('p95'),
    p99: over('p99'),
    rss: over('rss'),
    ratio: ratioSpread(read(own, 'throughput'), theirs),
    errors: own.reduce((sum, sample) => sum + (sample?.errors ?? 0), 0),
  }
}
