import { build, type Histogram } from 'hdr-histogram-js'

/** What became of an operation's calls since the fleet was opened. Sizes in items, times in milliseconds. */
export interface BatchMetrics {
  readonly operation: string
  readonly batches: number
  readonly items: number
  /** Batches that had to be split because the database refused one of their items. */
  readonly splits: number
  readonly failures: number
  /** Items that were not sent, because a later call for the same key was: not among `items`. */
  readonly coalesced: number
  readonly queued: number
  /** How long all items took together, each from its call to the answer. */
  readonly totalMs: number
  readonly batchSize: Spread
  readonly queueAgeMs: Spread
  readonly flushMs: Spread
}

/** The middle and the tail of a measure. */
export interface Spread {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** What a meter looks at of a unit of a batch. */
interface Queued {
  /** How many items. */
  readonly size: number
  readonly queuedAt: number
}

/** Counts one operation's batches. */
export class BatchMeter {
  readonly operation: string
  readonly #batchSize = histogram()
  readonly #queueAge = histogram()
  readonly #flush = histogram()
  #batches = 0
  #items = 0
  #totalMs = 0
  splits = 0
  failures = 0
  coalesced = 0

  constructor(operation: string) {
    this.operation = operation
  }

  /** A batch that has landed; times by performance.now(). */
  record(units: readonly Queued[], startedAt: number, endedAt: number): void {
    let items = 0
    let oldest = startedAt
    for (const unit of units) {
      items += unit.size
      this.#totalMs += unit.size * (endedAt - unit.queuedAt)
      if (unit.queuedAt < oldest) oldest = unit.queuedAt
    }
    this.#batches++
    this.#items += items
    this.#batchSize.recordValue(items)
    this.#queueAge.recordValue(Math.round((startedAt - oldest) * 1000))
    this.#flush.recordValue(Math.round((endedAt - startedAt) * 1000))
  }

  /** The figures so far; `queued` items wait at present. */
  read(queued: number): BatchMetrics {
    return {
      operation: this.operation,
      batches: this.#batches,
      items: this.#items,
      splits: this.splits,
      failures: this.failures,
      coalesced: this.coalesced,
      queued,
      totalMs: this.#totalMs,
      batchSize: spread(this.#batchSize, 1),
      queueAgeMs: spread(this.#queueAge, 1000),
      flushMs: spread(this.#flush, 1000),
    }
  }
}

/** Two significant digits, auto-resized: some kilobytes. */
function histogram(): Histogram {
  return build({
    bitBucketSize: 32,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2,
    numberOfSignificantValueDigits: 2,
  })
}

function spread(histogram: Histogram, unit: number): Spread {
  return {
    p50: histogram.getValueAtPercentile(50) / unit,
    p99: histogram.getValueAtPercentile(99) / unit,
    max: histogram.maxValue / unit,
  }
}
