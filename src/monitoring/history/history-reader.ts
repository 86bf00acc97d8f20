import type { HistoryReading } from './history-reading.js'
import type { HistorySeries } from './history-record.js'

/** A database whose history is kept. */
export interface HistorySource {
  /** The system identifier of its cluster, a slash, its name. */
  readonly source: string
  readonly beginsAt: Date
}

/** A time, both ends included. */
export interface Range {
  readonly from: Date
  readonly to: Date
}

/** Series of a time. */
export interface SeriesRange extends Range {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
}

/** Where a history is read from. Both kinds answer alike. */
export interface HistoryReader {
  sources(signal: AbortSignal): Promise<readonly HistorySource[]>
  /** The series that were there in that time; of segments and days that reach into it all. */
  list(source: string, range: Range, signal: AbortSignal): Promise<readonly HistorySeries[]>
  /** Errors: HISTORY_UNKNOWN for too many series. */
  read(source: string, range: SeriesRange, signal: AbortSignal): Promise<HistoryReading>
  close(): Promise<void>
}
