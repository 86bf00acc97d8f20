import { onAbort } from '../database/abort-signal.js'
import { FleetError, isFleetError } from '../errors.js'
import { Pause } from '../pause.js'
import type { Collector } from './collector.js'
import { MONITOR_METRICS } from './metrics/monitor.js'
import type { Sample, Snapshot, SnapshotObserver } from './snapshot.js'
import { samplesOf } from './sources/source.js'

/** What a monitor works with. */
export interface MonitorOptions {
  readonly collector: Collector
  /** From one collection to the next, in milliseconds, 1000 or more. @default 15,000 */
  readonly intervalMs?: number
  /** From one round of the slow sources to the next, in milliseconds. @default 300,000 */
  readonly slowIntervalMs?: number
  /** Told of every snapshot. @default none */
  readonly observers?: readonly SnapshotObserver[]
  /** How long an observer may take with a snapshot, in milliseconds; what comes meanwhile passes it by. @default 30,000 */
  readonly observerTimeoutMs?: number
  /** Told of what goes wrong, a line each, once as long as it lasts. @default nobody */
  readonly onNote?: (line: string) => void
}

/** One observer, and how it does. */
interface Watched {
  readonly observer: SnapshotObserver
  busy: Promise<void> | undefined
  failures: number
}

/** How many intervals without a snapshot make a monitor unwell. */
const UNWELL_AFTER = 3

/** Collects at a fixed pace, tells observers, and answers scrapes from what it saw last. */
export class Monitor {
  readonly #options: Required<Omit<MonitorOptions, 'observers'>>
  readonly #watched: readonly Watched[]
  readonly #notes = new Set<string>()
  #latest: Snapshot | undefined
  #latestAt = 0
  #inFlight: Promise<Snapshot> | undefined
  #slow: Promise<void> | undefined
  /** Of the loop: a collection that a scrape begins is not ended with the scrape, for others share it. */
  #signal = new AbortController().signal
  readonly #startedAt = performance.now()

  constructor({ observers = [], ...options }: MonitorOptions) {
    this.#options = {
      intervalMs: 15_000,
      slowIntervalMs: 300_000,
      observerTimeoutMs: 30_000,
      onNote: () => {},
      ...options,
    }
    this.#watched = observers.map((observer) => ({ observer, busy: undefined, failures: 0 }))
  }

  /** What was seen last; undefined before the first collection has ended. */
  get latest(): Snapshot | undefined {
    return this.#latest
  }

  /** Runs until the signal fires, then lets observers end and closes what it was given. Errors: OPTIONS_INVALID. */
  async run(signal: AbortSignal): Promise<void> {
    const { collector, intervalMs } = this.#options
    this.#signal = signal
    const pause = new Pause()
    const release = onAbort(signal, () => pause.end())
    try {
      let next = performance.now()
      while (!signal.aborted) {
        await this.#collect(signal).catch((error: unknown) => {
          if (!signal.aborted) throw error
        })
        if (!signal.aborted) this.#collectSlow(signal)
        // A collection that took longer than the interval does not make the next ones come at once.
        next = Math.max(next + intervalMs, performance.now())
        if (!signal.aborted && (await pause.begin(next - performance.now()))) break
      }
    } finally {
      release()
      await this.#slow
      for (const { busy } of this.#watched) await busy
      for (const { observer } of this.#watched) {
        await observer
          .close()
          .catch((error: Error) => this.#note(`${observer.name} did not end well: ${error.message}`))
      }
      await collector.close()
    }
  }

  /**
   * What to tell a scrape: the last snapshot when it is not older than the interval, else a new one, which simultaneous scrapes
   * share. When that takes too long, what was seen last, with its age. Rejects only before the first snapshot.
   */
  async scrape(signal: AbortSignal): Promise<readonly Sample[]> {
    if (this.#latest === undefined || this.#ageMs() > this.#options.intervalMs * 1.5)
      await Promise.race([this.#collect(this.#signal).catch(() => {}), aborted(signal)])
    const { collection, observers } = MONITOR_METRICS
    if (this.#latest === undefined) throw new Error('the first collection has not ended yet')
    const own = samplesOf(
      [collection, observers],
      [
        { snapshot_age_seconds: this.#ageMs() / 1000 },
        ...this.#watched.map(({ observer, failures }) => ({
          observer: observer.name,
          observer_failures_total: failures,
        })),
      ],
    )
    return [...this.#latest.samples, ...own]
  }

  /** What is not as it should be with the monitor itself; a server that is away is no fault of it. */
  problem(): string | undefined {
    const quiet = this.#latest === undefined ? performance.now() - this.#startedAt : this.#ageMs()
    const limit = UNWELL_AFTER * this.#options.intervalMs + 30_000
    return quiet > limit ? `no collection has ended for ${Math.round(quiet / 1000)} s` : undefined
  }

  #ageMs(): number {
    return performance.now() - this.#latestAt
  }

  /** One collection, however many ask for it. Rejects with OPTIONS_INVALID, ABORTED. */
  #collect(signal: AbortSignal): Promise<Snapshot> {
    this.#inFlight ??= this.#options.collector
      .collect(signal)
      .then((snapshot) => {
        this.#latest = snapshot
        this.#latestAt = performance.now() - snapshot.milliseconds
        this.#tellFailures(snapshot)
        this.#tell(snapshot, signal)
        return snapshot
      })
      .finally(() => {
        this.#inFlight = undefined
      })
    return this.#inFlight
  }

  #collectSlow(signal: AbortSignal): void {
    const { collector, slowIntervalMs } = this.#options
    this.#slow ??= collector
      .collectSlow(slowIntervalMs, signal)
      .catch((error: Error) => this.#note(`slow sources: ${error.message}`))
      .finally(() => {
        this.#slow = undefined
      })
  }

  /** Each observer for itself: one that is still at an earlier snapshot misses this one, which counts as a failure of it. */
  #tell(snapshot: Snapshot, signal: AbortSignal): void {
    for (const watched of this.#watched) {
      if (watched.busy !== undefined) {
        watched.failures++
        this.#note(`${watched.observer.name} takes longer than the interval: snapshots pass it by`)
        continue
      }
      watched.busy = this.#observe(watched.observer, snapshot, signal)
        .catch((error: Error) => {
          watched.failures++
          this.#note(`${watched.observer.name} failed: ${isFleetError(error) ? `${error.code}: ` : ''}${error.message}`)
        })
        .finally(() => {
          watched.busy = undefined
        })
    }
  }

  /** Gives an observer its time; one that does not heed its signal is left behind. */
  async #observe(observer: SnapshotObserver, snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    const { observerTimeoutMs } = this.#options
    const limit = new AbortController()
    const release = onAbort(signal, () => limit.abort(signal.reason))
    const late = new FleetError('TIMEOUT', { message: `it took longer than ${observerTimeoutMs / 1000} s` })
    const timer = setTimeout(() => limit.abort(late), observerTimeoutMs)
    try {
      await Promise.race([observer.observe(snapshot, limit.signal), aborted(limit.signal)])
      if (limit.signal.reason === late) throw late
    } finally {
      clearTimeout(timer)
      release()
    }
  }

  /** Told when they begin, and again when they have been away in between. */
  #tellFailures({ failures }: Snapshot): void {
    const lines = new Set(
      failures.map(({ source, reason }) => `${source}: ${reason.replace(/; the next attempt is in \d+ s$/, '')}`),
    )
    for (const line of lines) if (!this.#notes.has(line)) this.#options.onNote(line)
    this.#notes.clear()
    for (const line of lines) this.#notes.add(line)
  }

  #note(line: string): void {
    this.#options.onNote(line)
  }
}

/** Resolves when the signal fires. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
