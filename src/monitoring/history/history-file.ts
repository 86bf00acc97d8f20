import { createReadStream, createWriteStream } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import type { HistoryNote, KeptSettings } from './history-record.js'

/** Which file of a folder: they are numbered in the order in which they were begun, and hold one day by UTC. */
export interface HistoryFile {
  readonly number: number
  /** `2026-01-31` */
  readonly day: string
  readonly isCompressed: boolean
  readonly name: string
}

/** The first line of a file. */
export interface HistoryHeader {
  readonly history: 1
  readonly source: string
}

/**
 * Every other line: one snapshot. `s` are series that have no number in this file yet, [number, metric, labels, 1 for a
 * counter], `v` the numbers and values that changed, in turn; null: it is gone; texts stand for what JSON has no number for.
 */
export interface HistoryLine {
  /** Milliseconds since 1970. */
  readonly t: number
  /** It begins a segment. */
  readonly first?: 1
  readonly n?: HistoryNote
  readonly c?: KeptSettings
  readonly s?: readonly (readonly [number, string, Readonly<Record<string, string>>, 0 | 1])[]
  readonly v: readonly (number | string | null)[]
}

/** The format that these files have. */
export const FORMAT = 1

/** The name of a file. */
export function fileName(number: number, day: string): string {
  return `history-${String(number).padStart(6, '0')}-${day}.ndjson`
}

/** A value in a line. */
export function encoded(value: number | null): number | string | null {
  return value === null || Number.isFinite(value) ? value : String(value)
}

/** The value of a line. */
export function decoded(value: number | string | null | undefined): number | null {
  return typeof value === 'string' ? Number(value) : (value ?? null)
}

/** The day of a moment, by UTC. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10)
}

/** The files of a folder in the order in which they were begun; of one in both forms the compressed, which is complete. Errors: the system's. */
export async function listFiles(folder: string): Promise<HistoryFile[]> {
  const found = new Map<number, HistoryFile>()
  for (const name of (await readdir(folder)).sort()) {
    const [, number, day, ending] = /^history-(\d{6,15})-(\d{4}-\d\d-\d\d)\.ndjson(\.gz)?$/.exec(name) ?? []
    if (number === undefined || day === undefined) continue
    found.set(Number(number), { number: Number(number), day, isCompressed: ending !== undefined, name })
  }
  return [...found.values()].sort((a, b) => a.number - b.number)
}

/**
 * The lines of a file one by one, as they are; of a file that is being written, or that a crash cut off, the last one may be
 * torn. Errors: the system's, and those of zlib for a file that is damaged.
 */
export async function* linesOf(folder: string, file: HistoryFile, signal?: AbortSignal): AsyncGenerator<string> {
  const source = createReadStream(join(folder, file.name), { highWaterMark: 262_144 })
  const input = file.isCompressed ? source.pipe(createGunzip()) : source
  source.on('error', (error) => input.destroy(error))
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  // The interface does not tell of its stream's end with an error.
  let failure: Error | undefined
  input.on('error', (error: Error) => {
    failure = error
    lines.close()
  })
  try {
    for await (const line of lines) {
      signal?.throwIfAborted()
      yield line
    }
    if (failure !== undefined) throw failure
  } finally {
    lines.close()
    input.destroy()
    source.destroy()
  }
}

/** Compresses a file that is complete, so that at any moment one of the two forms is there. Errors: the system's. */
export async function compress(folder: string, name: string): Promise<void> {
  const [plain, part] = [join(folder, name), join(folder, `${name}.gz.partial`)]
  await pipeline(
    createReadStream(plain),
    createGzip({ level: constants.Z_DEFAULT_COMPRESSION }),
    createWriteStream(part, { mode: 0o600 }),
  )
  await using written = await open(part, 'r+')
  await written.sync()
  await rename(part, `${plain}.gz`)
  await syncFolder(folder)
  await rm(plain, { force: true })
}

/** Makes the names of a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  await using directory = await open(folder, 'r')
  await directory.sync()
}
