/** What one contestant did in one round. A figure that its kind cannot tell is null. */
export interface Sample {
  /** Calls that were finished while measuring. */
  readonly operations: number
  /** How many items one call handles; the throughput counts items. */
  readonly itemsPerOperation: number
  /** From the first call to the end of the last, warm-up excluded. */
  readonly seconds: number
  /** Items per second: `operations * itemsPerOperation / seconds`. */
  readonly throughput: number
  /** Mean latency of a call in milliseconds, by callers * seconds / operations: comparable across kinds of contestant. */
  readonly mean: number | null
  /** Latency of a call in milliseconds: half of the calls were not slower. */
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly max: number | null
  /** Calls that failed. They count neither as operations nor in the latencies. */
  readonly errors: number
  /** Message of the first failed call. */
  readonly firstError: string | null
  /** Greatest resident memory of this process while measuring, in MB (10^6 bytes); null where another process works. */
  readonly rss: number | null
  /** What the scenario itself found out about the round, by name: shares, sizes, counts. */
  readonly figures: Readonly<Record<string, number>>
}

/** A contestant's answer for a round: a sample, or the reason why it cannot take part on this machine. */
export type Outcome = { readonly sample: Sample } | { readonly unavailable: string }

/** A figure of a sample by name; a figure of the scenario's own is written `figure.<name>`. */
export type Measure = 'throughput' | 'mean' | 'p50' | 'p95' | 'p99' | 'max' | 'errors' | 'rss' | `figure.${string}`

/** Reads a figure; null when the sample does not have it. */
export function readMeasure(sample: Sample, measure: Measure): number | null {
  if (isFigure(measure)) return sample.figures[measure.slice('figure.'.length)] ?? null
  return sample[measure]
}

/** The unit in which a figure is printed; a scenario's own figures have none unless the target names it. */
export function unitOf(measure: Measure): string {
  if (isFigure(measure) || measure === 'errors') return ''
  if (measure === 'throughput') return '/s'
  return measure === 'rss' ? 'MB' : 'ms'
}

function isFigure(measure: Measure): measure is `figure.${string}` {
  return measure.startsWith('figure.')
}
