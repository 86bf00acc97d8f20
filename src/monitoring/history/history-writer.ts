import type { HistoryRecord, KeptSettings } from './history-record.js'

/** What became of a record. */
export type AppendOutcome =
  | { readonly outcome: 'written' }
  /** Another monitor writes the history of this source; nothing was written. */
  | { readonly outcome: 'held'; readonly holder: string; readonly until: Date }
  /** There is no segment to go on with: a first record is wanted. Nothing was written. */
  | { readonly outcome: 'not-open' }

/** Where a history is written to. Both kinds are alike: a record is either kept whole, or not at all. */
export interface HistoryWriter {
  /** What settings the history has of a source; undefined: it has none. Errors: those of the place. */
  settings(source: string, signal: AbortSignal): Promise<KeptSettings | undefined>
  /**
   * Keeps a record: when it settles as `written`, neither a crash of this process nor one of the machine loses it. When it
   * rejects, nobody knows; the next record has to be a first one. Errors: those of the place.
   */
  append(source: string, record: HistoryRecord, signal: AbortSignal): Promise<AppendOutcome>
  /** Lets the next monitor write. Harmless to repeat. */
  close(): Promise<void>
}
