import { isStorable } from '../../input.js'
import { familyOf } from '../metrics/index.js'
import { type Snapshot, type SourceFailure, seriesOf } from '../snapshot.js'
import type { HistoryNote, HistorySeries, KeptServer, SeriesChange } from './history-record.js'

/** Longest labels of a series that are kept, as JSON in bytes; PostgreSQL's own names are far shorter. */
const LABELS_MAX = 1500

/** Longest name of a metric, in bytes. */
const METRIC_MAX = 200

/** What is known of a series between snapshots. */
interface Tracked {
  readonly series: HistorySeries
  value: number | null
  /** The number of the snapshot that last had it. */
  seen: number
}

/**
 * Tells what each snapshot shows that the one before did not. A series is one and the same object as long as it is there, so
 * that writers may number them. Bounded by the samples of a segment: what is gone is forgotten when the next begins.
 */
export class SnapshotChanges {
  readonly #tracked = new Map<string, Tracked>()
  #number = 0
  #server = ''
  #isUp: boolean | undefined
  #failures = ''

  /**
   * What is new in a snapshot; all of it when it is to be the first of a segment. `isFirst` has to be asked for after a
   * record that was not kept.
   */
  next(snapshot: Snapshot, isFirst: boolean): { changes: SeriesChange[]; note: HistoryNote | undefined } {
    const number = ++this.#number
    const before = number - 1
    const changes: SeriesChange[] = []
    const refused: string[] = []
    for (const sample of snapshot.samples) {
      const key = seriesOf(sample)
      // Zero has one form: the other one would be lost on the way.
      const value = sample.value === 0 ? 0 : sample.value
      const tracked = this.#tracked.get(key)
      if (tracked === undefined) {
        const { metric, labels } = sample
        if (!isKept(metric, labels)) {
          refused.push(metric)
          continue
        }
        const series = { metric, labels, kind: familyOf(metric)?.type ?? 'gauge' }
        this.#tracked.set(key, { series, value, seen: number })
        changes.push({ series, value })
      } else {
        // A series that is named twice in one snapshot has its last value; writers take changes in order.
        if (isFirst || !Object.is(tracked.value, value)) changes.push({ series: tracked.series, value })
        tracked.value = value
        tracked.seen = number
      }
    }
    for (const [key, tracked] of this.#tracked) {
      if (tracked.seen === number) continue
      if (isFirst) this.#tracked.delete(key)
      else if (tracked.seen === before) changes.push({ series: tracked.series, value: null })
      tracked.value = null
    }
    const failures = refused.length === 0 ? snapshot.failures : [...snapshot.failures, refusal(refused)]
    return { changes: isFirst ? distinct(changes) : changes, note: this.#note(snapshot, failures, isFirst) }
  }

  #note(snapshot: Snapshot, failures: readonly SourceFailure[], isFirst: boolean): HistoryNote | undefined {
    const server = snapshot.server === undefined ? undefined : kept(snapshot.server)
    const [serverText, failureText] = [JSON.stringify(server), JSON.stringify(failures)]
    const note: HistoryNote = {
      ...(server !== undefined && (isFirst || serverText !== this.#server) ? { server } : {}),
      ...(isFirst || snapshot.isUp !== this.#isUp ? { isUp: snapshot.isUp } : {}),
      ...(failureText !== this.#failures || (isFirst && failures.length > 0) ? { failures } : {}),
    }
    this.#server = serverText ?? ''
    this.#isUp = snapshot.isUp
    this.#failures = failureText
    return Object.keys(note).length === 0 ? undefined : note
  }
}

function kept({ startedAt, timeline, inRecovery, version }: NonNullable<Snapshot['server']>): KeptServer {
  return { startedAt: startedAt.toISOString(), timeline, inRecovery, version }
}

function isKept(metric: string, labels: Readonly<Record<string, string>>): boolean {
  const text = JSON.stringify(labels)
  return (
    Buffer.byteLength(metric) <= METRIC_MAX &&
    Buffer.byteLength(text) <= LABELS_MAX &&
    Object.entries(labels).every(([name, value]) => isStorable(name) && isStorable(value)) &&
    isStorable(metric)
  )
}

function refusal(metrics: readonly string[]): SourceFailure {
  const names = [...new Set(metrics)].slice(0, 3).join(', ')
  return { source: 'history', reason: `series whose labels are too long, or no text, are not kept: ${names}` }
}

/** The last change of each series, where one was named twice. */
function distinct(changes: readonly SeriesChange[]): SeriesChange[] {
  return [...new Map(changes.map((change) => [change.series, change])).values()]
}
