import type { MetricType } from '../metrics/family.js'
import type { ServerState, SourceFailure } from '../snapshot.js'

/** A series of the history: one metric with its labels. */
export interface HistorySeries {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly kind: MetricType
}

/** A value that is not what it was in the snapshot before; null: the series was there and no longer is. */
export interface SeriesChange {
  readonly series: HistorySeries
  readonly value: number | null
}

/** A setting that changed: as `pg_settings` tells it; null: it was not there, or no longer is. */
export interface SettingChange {
  readonly name: string
  readonly from: string | null
  readonly to: string | null
}

/** What of a server the history keeps, so that restarts and promotions show. */
export interface KeptServer extends Pick<ServerState, 'timeline' | 'inRecovery' | 'version'> {
  /** ISO 8601. */
  readonly startedAt: string
}

/** What a snapshot tells besides its values: in the first of a segment all, later what is not as in the snapshot before. */
export interface HistoryNote {
  readonly server?: KeptServer
  /** Whether the server answered. */
  readonly isUp?: boolean
  /** The sources that could not look, all of them; none: they can again. */
  readonly failures?: readonly SourceFailure[]
  readonly settings?: readonly SettingChange[]
  /** How far apart snapshots are meant to be. In the first of a segment. */
  readonly intervalMs?: number
}

/** The settings of a server by name; those that may hold secrets as `(hidden)`. */
export type KeptSettings = Readonly<Record<string, string>>

/** One snapshot, as it is kept. */
export interface HistoryRecord {
  readonly at: Date
  /** It begins a segment: `changes` are all its values, and what came before is not needed to read it. */
  readonly isFirst: boolean
  readonly changes: readonly SeriesChange[]
  readonly note: HistoryNote | undefined
  /** Undefined where they could not be read. */
  readonly settings: KeptSettings | undefined
  /** They are not those of the record before. */
  readonly settingsChanged: boolean
}
