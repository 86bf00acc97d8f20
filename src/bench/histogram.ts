import { build, type Histogram } from 'hdr-histogram-js'

/** The longest latency that is told apart, in milliseconds (one hour); longer ones count as this. */
export const LATENCY_MS_MAX = 3_600_000

/** Latencies in milliseconds. Percentiles are exact to 0.1 % or one microsecond, whichever is more; `max` is exact. */
export interface Latencies {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** A high dynamic range histogram of latencies: a fixed 95 kB however many are recorded, about 0.1 microseconds each. */
export interface LatencyHistogram {
  /** Adds one latency, in milliseconds. */
  record(milliseconds: number): void
  /** How many were recorded. */
  count(): number
  /** The percentiles so far; null when nothing was recorded. */
  latencies(): Latencies | null
  /** The latency that `percent` (0 to 100) of the calls did not exceed, in milliseconds; 0 when nothing was recorded. */
  percentile(percent: number): number
  /** Gives the memory back; the histogram must not be used afterwards. */
  release(): void
}

/** Creates an empty histogram. Three digits are kept: the fourth is noise on any machine that also runs a server. */
export function createLatencyHistogram(): LatencyHistogram {
  const histogram: Histogram = build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_MS_MAX * 1000,
    numberOfSignificantValueDigits: 3,
  })
  let max = 0

  // The bucket's upper end may lie above everything recorded; the true maximum bounds it.
  const percentile = (percent: number) => Math.min(histogram.getValueAtPercentile(percent) / 1000, max)

  return {
    record(milliseconds) {
      const latency = Math.min(milliseconds, LATENCY_MS_MAX)
      if (latency > max) max = latency
      histogram.recordValue(Math.round(latency * 1000))
    },
    count: () => histogram.totalCount,
    percentile,
    latencies() {
      if (histogram.totalCount === 0) return null
      return { p50: percentile(50), p95: percentile(95), p99: percentile(99), max }
    },
    release() {
      histogram.reset()
      histogram.destroy()
    },
  }
}
