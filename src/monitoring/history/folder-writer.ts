import { type FileHandle, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DirectoryLock, lockDirectory } from '../../database/directory-lock.js'
import { FleetError, isFleetError } from '../../errors.js'
import {
  compress,
  dayOf,
  encoded,
  FORMAT,
  fileName,
  type HistoryFile,
  type HistoryHeader,
  type HistoryLine,
  linesOf,
  listFiles,
  syncFolder,
} from './history-file.js'
import type { HistoryRecord, HistorySeries, KeptSettings } from './history-record.js'
import type { AppendOutcome, HistoryWriter } from './history-writer.js'

/** How a folder keeps a history. */
export interface FolderWriterOptions {
  /** How long a day's file is kept after the day, in milliseconds. */
  readonly keepMs: number
  /** Told what was found or done on the side: a torn line that was cut off, a file that could not be compressed. */
  readonly onNotice?: (text: string) => void
}

/**
 * Opens a folder to keep a history in: a file a day, appended to and synced snapshot by snapshot; files of days that are over
 * are compressed. One process writes at a time. A line that a crash tore is cut off, and told of. Errors:
 * HISTORY_HELD, HISTORY_UNSUITABLE, those of the system.
 */
export async function openFolderWriter(folder: string, options: FolderWriterOptions): Promise<HistoryWriter> {
  const lock = await lockFolder(folder)
  try {
    return await FolderWriter.open(folder, lock, options)
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function lockFolder(folder: string): Promise<DirectoryLock> {
  try {
    return await lockDirectory(folder)
  } catch (error) {
    if (!isFleetError(error, 'DATABASE_LOCKED')) throw error
    throw new FleetError('HISTORY_HELD', {
      message: `${folder}: ${error.message.replace('data directory', 'folder')}`,
      details: error.details,
      cause: error,
    })
  }
}

/** The file that is appended to. */
interface OpenFile {
  readonly handle: FileHandle
  readonly name: string
  readonly day: string
  /** Bytes that are whole lines. */
  length: number
}

class FolderWriter implements HistoryWriter {
  readonly #folder: string
  readonly #lock: DirectoryLock
  readonly #options: FolderWriterOptions
  /** The numbers of series in the open file. */
  #ids = new WeakMap<HistorySeries, number>()
  #nextId = 0
  #file: OpenFile | undefined
  #nextNumber = 1
  #source: string | undefined
  #settings: KeptSettings | undefined
  #background: Promise<void> = Promise.resolve()
  #isClosed = false

  private constructor(folder: string, lock: DirectoryLock, options: FolderWriterOptions) {
    this.#folder = folder
    this.#lock = lock
    this.#options = options
  }

  static async open(folder: string, lock: DirectoryLock, options: FolderWriterOptions): Promise<FolderWriter> {
    const writer = new FolderWriter(folder, lock, options)
    for (const name of await readdir(folder)) {
      if (/^history-.*\.partial$/.test(name)) await rm(join(folder, name), { force: true })
    }
    const files = await listFiles(folder)
    for (const { isCompressed, name } of files) {
      // Compressed, and not removed any more.
      if (isCompressed) await rm(join(folder, name.replace(/\.gz$/, '')), { force: true })
    }
    const last = files.at(-1)
    writer.#nextNumber = (last?.number ?? 0) + 1
    if (last !== undefined) await writer.#resume(last)
    for (const { isCompressed, name } of files) {
      if (!isCompressed && name !== writer.#file?.name) writer.#compress(name)
    }
    return writer
  }

  async settings(source: string): Promise<KeptSettings | undefined> {
    this.#assertSource(source)
    return this.#settings
  }

  async append(source: string, record: HistoryRecord): Promise<AppendOutcome> {
    if (this.#isClosed) throw new FleetError('CLOSED', { message: 'the history was closed' })
    this.#assertSource(source)
    const day = dayOf(record.at)
    const isOtherDay = this.#file?.day !== day
    if (isOtherDay && !record.isFirst) return { outcome: 'not-open' }
    if (isOtherDay) await this.#begin(source, day)
    const file = this.#file as OpenFile
    try {
      const bytes = Buffer.from(`${JSON.stringify(this.#lineOf(record, isOtherDay))}\n`)
      await file.handle.appendFile(bytes)
      await file.handle.sync()
      file.length += bytes.length
    } catch (error) {
      // Nothing of it may stay: what follows would be part of a torn line. Numbers that it gave are given anew.
      this.#ids = new WeakMap()
      await file.handle.truncate(file.length).catch(() => this.#abandon())
      throw error
    }
    if (record.settings !== undefined) this.#settings = record.settings
    return { outcome: 'written' }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#background
    await this.#abandon()
    await this.#lock.release()
  }

  /** Goes on in the newest file, once what is torn of it is cut off; a compressed one is left as it is. */
  async #resume(file: HistoryFile): Promise<void> {
    let header: HistoryHeader | undefined
    for await (const line of linesOf(this.#folder, file)) {
      const parsed = parse(line) as (Partial<HistoryHeader> & Partial<HistoryLine>) | undefined
      if (header === undefined) {
        if (parsed?.history !== undefined) header = assertHeader(parsed, this.#folder, file.name)
        else if (parsed !== undefined) throw unreadable(this.#folder, file.name)
      } else if (parsed !== undefined) {
        this.#settings = parsed.c ?? this.#settings
        for (const [id] of parsed.s ?? []) this.#nextId = Math.max(this.#nextId, id + 1)
      }
    }
    this.#source = header?.source
    if (file.isCompressed) return
    const handle = await open(join(this.#folder, file.name), 'r+')
    const { size } = await handle.stat()
    const whole = await wholeLength(handle, size)
    if (whole < size) {
      await handle.truncate(whole)
      await handle.sync()
      this.#options.onNotice?.(
        `${file.name}: ${size - whole} bytes of a line that was not finished were cut off; nothing that was kept is lost`,
      )
    }
    if (whole === 0) {
      await handle.close()
      await rm(join(this.#folder, file.name), { force: true })
      return
    }
    if (header === undefined) {
      await handle.close()
      throw unreadable(this.#folder, file.name)
    }
    this.#file = {
      handle: await reopened(handle, join(this.#folder, file.name)),
      name: file.name,
      day: file.day,
      length: whole,
    }
  }

  /** Begins the file of a day, and sets that of the day before aside. */
  async #begin(source: string, day: string): Promise<void> {
    const before = this.#file
    await this.#abandon()
    const name = fileName(this.#nextNumber, day)
    const handle = await open(join(this.#folder, name), 'ax', 0o600)
    const header = `${JSON.stringify({ history: FORMAT, source } satisfies HistoryHeader)}\n`
    this.#nextNumber++
    this.#ids = new WeakMap()
    this.#nextId = 0
    this.#source = source
    await handle.appendFile(header)
    this.#file = { handle, name, day, length: Buffer.byteLength(header) }
    await syncFolder(this.#folder)
    if (before === undefined) return
    this.#compress(before.name)
    await this.#forget(before.day)
  }

  /**
   * Removes the files of days that are over for longer than they are kept, as seen from the day before the one that begins: a clock that
   * jumps ahead for once removes nothing.
   */
  async #forget(day: string): Promise<void> {
    const oldest = Date.parse(day) - this.#options.keepMs
    for (const file of await listFiles(this.#folder)) {
      if (Date.parse(file.day) + 86_400_000 <= oldest && file.name !== this.#file?.name) {
        await this.#background
        await rm(join(this.#folder, file.name), { force: true })
      }
    }
  }

  #lineOf({ at, isFirst, note, changes, settings, settingsChanged }: HistoryRecord, isNewFile: boolean): HistoryLine {
    const added: [number, string, Readonly<Record<string, string>>, 0 | 1][] = []
    const values = changes.flatMap(({ series, value }) => {
      let id = this.#ids.get(series)
      if (id === undefined) {
        id = this.#nextId++
        this.#ids.set(series, id)
        added.push([id, series.metric, series.labels, series.kind === 'counter' ? 1 : 0])
      }
      return [id, encoded(value)]
    })
    // Each file tells the settings, so that it can be read alone.
    const kept = settings ?? (isNewFile ? this.#settings : undefined)
    return {
      t: at.getTime(),
      ...(isFirst ? { first: 1 } : {}),
      ...(note === undefined ? {} : { n: note }),
      ...(kept !== undefined && (settingsChanged || isNewFile) ? { c: kept } : {}),
      ...(added.length === 0 ? {} : { s: added }),
      v: values,
    }
  }

  #compress(name: string): void {
    this.#background = this.#background
      .then(() => compress(this.#folder, name))
      .catch((error: Error) => this.#options.onNotice?.(`${name} stays uncompressed: ${error.message}`))
  }

  async #abandon(): Promise<void> {
    await this.#file?.handle.close().catch(() => {})
    this.#file = undefined
  }

  #assertSource(source: string): void {
    if (this.#source === undefined || this.#source === source) return
    throw new FleetError('HISTORY_UNSUITABLE', {
      message: `${this.#folder} holds the history of ${this.#source}, not of ${source}`,
      hint: 'Give each database that is watched a folder of its own.',
    })
  }
}

/** A line as JSON; undefined for one that is torn. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Refuses a file of a format that this version does not know. Errors: HISTORY_UNSUITABLE. */
export function assertHeader(line: Partial<HistoryHeader>, folder: string, name: string): HistoryHeader {
  if (line.history === FORMAT && typeof line.source === 'string') return line as HistoryHeader
  throw unreadable(folder, name)
}

function unreadable(folder: string, name: string): FleetError {
  return new FleetError('HISTORY_UNSUITABLE', {
    message: `${join(folder, name)} is no history in a format that this version knows`,
  })
}

/** The bytes up to the last end of a line. */
async function wholeLength(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(65_536)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length)
    const { bytesRead } = await handle.read(block, 0, end - start, start)
    const place = block.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (place >= 0) return start + place + 1
    end = start
  }
  return 0
}

async function reopened(handle: FileHandle, path: string): Promise<FileHandle> {
  await handle.close()
  return await open(path, 'a')
}
