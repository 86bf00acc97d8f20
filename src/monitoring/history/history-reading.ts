import { FleetError } from '../../errors.js'
import type { HistoryNote, HistorySeries } from './history-record.js'

/** What is asked of a history. */
export interface HistoryQuestion {
  /** The name of a metric. */
  readonly metric: string
  /** Labels that series have to have, with these values; others they may have. @default {} */
  readonly labels?: Readonly<Record<string, string>>
  /** @default a day before `to` */
  readonly from?: Date
  /** @default now */
  readonly to?: Date
}

/** A series with its values. */
export interface SeriesReading extends HistorySeries {
  /** One a snapshot of `times`; null: it was not there. */
  readonly values: (number | null)[]
}

/** What a history tells of some series. */
export interface HistoryReading {
  /** The database: the system identifier of its cluster, a slash, its name. */
  readonly source: string
  readonly from: Date
  readonly to: Date
  /** When the snapshots were taken, in the order in which they were: where a clock was set back, a time follows a later one. */
  readonly times: readonly Date[]
  /** What snapshots told besides, by their places in `times`. */
  readonly notes: ReadonlyMap<number, HistoryNote>
  /** By their labels. */
  readonly series: readonly SeriesReading[]
  /** When the history of this database begins. */
  readonly beginsAt: Date
  /** What could not be read, and why. */
  readonly damages: readonly string[]
}

/** Most series of a reading; more are refused. */
export const SERIES_MAX = 500

/** Gathers a reading snapshot by snapshot. */
export class ReadingBuilder {
  readonly #times: Date[] = []
  readonly #notes = new Map<number, HistoryNote>()
  readonly #series = new Map<string, { reading: SeriesReading; now: number | null; place: number }>()
  readonly #damages: string[] = []

  /** The snapshots so far. */
  get length(): number {
    return this.#times.length
  }

  /** The series so far. */
  get seriesCount(): number {
    return this.#series.size
  }

  /** The series of these labels; made where it is met for the first time. */
  series({ metric, labels, kind }: HistorySeries): { set(value: number | null): void } {
    const key = keyOf(labels)
    let held = this.#series.get(key)
    if (held === undefined) {
      held = { reading: { metric, labels, kind, values: [] }, now: null, place: 0 }
      this.#series.set(key, held)
    }
    const { reading } = held
    const one = held
    return {
      set: (value) => {
        // Values before stood until the present snapshot.
        const place = this.#times.length - 1
        while (reading.values.length < place) reading.values.push(one.now)
        one.now = value
      },
    }
  }

  /** Begins a snapshot; the first of a segment holds no value but those that are set for it. */
  snapshot(at: Date, isFirst: boolean, note: HistoryNote | null | undefined): void {
    if (isFirst) this.#forget()
    this.#times.push(at)
    if (note != null) this.#notes.set(this.#times.length - 1, note)
  }

  damage(text: string): void {
    this.#damages.push(text)
  }

  /** The reading, with the snapshots of the time that was asked for. What stood when it began is noted for its first snapshot. */
  finish(source: string, from: Date, to: Date, beginsAt: Date): HistoryReading {
    this.#forget()
    const places = this.#times.flatMap((at, place) => (at >= from && at <= to ? [place] : []))
    const notes = new Map<number, HistoryNote>()
    let seen = -1
    places.forEach((place, i) => {
      // What snapshots that are left out told stands in the next one that is not; changes of settings are of their own time.
      let note: HistoryNote = {}
      while (seen < place) {
        const { settings, ...told } = this.#notes.get(++seen) ?? {}
        note = { ...note, ...told, ...(seen === place && settings !== undefined ? { settings } : {}) }
      }
      if (Object.keys(note).length > 0) notes.set(i, note)
    })
    const series = [...this.#series.values()]
      .map(({ reading }) => ({ ...reading, values: places.map((place) => reading.values[place] ?? null) }))
      .filter(({ values }) => values.some((value) => value !== null))
      .sort((a, b) => (keyOf(a.labels) < keyOf(b.labels) ? -1 : 1))
    const times = places.map((place) => this.#times[place] as Date)
    return { source, from, to, times, notes, series, beginsAt, damages: this.#damages }
  }

  /** Lets what stands end with the last snapshot. */
  #forget(): void {
    for (const held of this.#series.values()) {
      const { values } = held.reading
      while (values.length < this.#times.length) values.push(held.now)
      held.now = null
    }
  }
}

/** Equal for equal labels, in whatever order. */
export function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

/** Whether a series has the labels that are asked for. */
export function matches(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}

/** The error for a question that too many series answer. */
export function refuseTooMany(metric: string, count: number): FleetError {
  return new FleetError('HISTORY_UNKNOWN', {
    message: `${metric} has ${count} series; ${SERIES_MAX} at most can be told at once`,
    field: 'labels',
  })
}
