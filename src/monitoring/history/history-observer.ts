import { FleetError } from '../../errors.js'
import type { ServerState, Snapshot, SnapshotObserver } from '../snapshot.js'
import type { HistoryNote, HistoryRecord } from './history-record.js'
import type { HistoryWriter } from './history-writer.js'
import { SettingHistory, type SettingValue } from './settings.js'
import { SnapshotChanges } from './snapshot-changes.js'

/** How snapshots are kept. */
export interface HistoryOptions {
  readonly writer: HistoryWriter
  /** Snapshots that come sooner after the last that was kept are not kept, in milliseconds. */
  readonly intervalMs: number
  /** Reads the settings of the server, so that changes of them are kept. @default they are not */
  readonly readSettings?: (signal: AbortSignal) => Promise<readonly SettingValue[]>
  /** Told in one line what the reader of a log should know: another monitor writes; settings cannot be read. */
  readonly onNotice?: (text: string) => void
}

/** Most snapshots of a segment. */
const SEGMENT_MAX = 240

/** The name under which a history keeps a database: its cluster's system identifier and its name. */
export function sourceOf({ systemIdentifier, database }: Pick<ServerState, 'systemIdentifier' | 'database'>): string {
  return `${systemIdentifier || 'unknown'}/${database}`
}

/** Makes the observer that keeps snapshots. What it could not keep it throws, and the loop tells; the next is then kept whole. */
export function createHistoryObserver(options: HistoryOptions): SnapshotObserver {
  return new HistoryObserver(options)
}

class HistoryObserver implements SnapshotObserver {
  readonly name = 'history'
  readonly #options: HistoryOptions
  #changes = new SnapshotChanges()
  #settings: SettingHistory | undefined
  #settingsNotice = ''
  #source = ''
  #isHeld = false
  #isBusy = false
  /** The last record that was kept; undefined: the next begins a segment. */
  #last: Date | undefined
  #segmentSize = 0

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  async observe(snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    // A loop that gave up waiting comes with the next one: what is kept is one after the other.
    if (this.#isBusy) throw new FleetError('TIMEOUT', { message: 'the snapshot before is still being written' })
    this.#isBusy = true
    try {
      await this.#keep(snapshot, signal)
    } finally {
      this.#isBusy = false
    }
  }

  async #keep(snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    // A server that has never answered has no name to keep it under.
    if (snapshot.server === undefined || this.#isTooSoon(snapshot.at)) return
    const source = sourceOf(snapshot.server)
    if (source !== this.#source) {
      this.#source = source
      this.#begin()
      this.#settings = undefined
    }
    const isFirst =
      this.#last === undefined || this.#segmentSize >= SEGMENT_MAX || hourOf(this.#last) !== hourOf(snapshot.at)
    let record = await this.#record(snapshot, isFirst, signal)
    // Until it is known to be kept, the next has to be a first one, and settings are compared with what the history knows.
    const settings = this.#settings
    this.#last = undefined
    this.#settings = undefined
    let outcome = await this.#options.writer.append(source, record, signal)
    if (outcome.outcome === 'not-open') {
      const whole = this.#changes.next(snapshot, true)
      const note = { ...record.note, ...whole.note, intervalMs: this.#options.intervalMs }
      record = { ...record, isFirst: true, changes: whole.changes, note }
      outcome = await this.#options.writer.append(source, record, signal)
    }
    if (outcome.outcome !== 'written') {
      if (!this.#isHeld && outcome.outcome === 'held') {
        this.#options.onNotice?.(
          `another monitor (${outcome.holder}) keeps the history of ${source}; this one takes over when it ends`,
        )
      }
      this.#isHeld = true
      return
    }
    if (this.#isHeld) this.#options.onNotice?.(`this monitor keeps the history of ${source} from now on`)
    this.#isHeld = false
    this.#last = snapshot.at
    this.#settings = settings
    this.#segmentSize = record.isFirst ? 1 : this.#segmentSize + 1
  }

  async close(): Promise<void> {
    await this.#options.writer.close()
  }

  #begin(): void {
    this.#changes = new SnapshotChanges()
    this.#last = undefined
  }

  /** Snapshots come a little early or late; one that is a twentieth too soon is the one that is due. A clock that went back is obeyed. */
  #isTooSoon(at: Date): boolean {
    if (this.#last === undefined) return false
    const since = at.getTime() - this.#last.getTime()
    return since >= 0 && since < this.#options.intervalMs * 0.95
  }

  async #record(snapshot: Snapshot, isFirst: boolean, signal: AbortSignal): Promise<HistoryRecord> {
    const looked = snapshot.isUp ? await this.#lookAtSettings(signal) : undefined
    const { changes, note } = this.#changes.next(snapshot, isFirst)
    const settingChanges = looked?.changes ?? []
    const more: HistoryNote = {
      ...note,
      ...(settingChanges.length > 0 ? { settings: settingChanges } : {}),
      ...(isFirst ? { intervalMs: this.#options.intervalMs } : {}),
    }
    return {
      at: snapshot.at,
      isFirst,
      changes,
      note: Object.keys(more).length === 0 ? undefined : more,
      settings: looked?.settings,
      settingsChanged: looked !== undefined && (looked.isNew || settingChanges.length > 0),
    }
  }

  async #lookAtSettings(signal: AbortSignal) {
    const { readSettings, writer, onNotice } = this.#options
    if (readSettings === undefined) return undefined
    try {
      const isNew = this.#settings === undefined
      this.#settings ??= new SettingHistory(await writer.settings(this.#source, signal))
      const looked = this.#settings.next(await readSettings(signal))
      this.#settingsNotice = ''
      return { ...looked, isNew }
    } catch (error) {
      // Values are kept all the same: a change is found at the next look.
      const notice = `the settings of the server cannot be read: ${(error as Error).message}`
      if (notice !== this.#settingsNotice) onNotice?.(notice)
      this.#settingsNotice = notice
      return undefined
    }
  }
}

/** Hours since 1970, by UTC: where they change a segment ends. */
function hourOf(at: Date): number {
  return Math.floor(at.getTime() / 3_600_000)
}
