import { join } from 'node:path'
import { FleetError } from '../../errors.js'
import { assertHeader } from './folder-writer.js'
import {
  dayOf,
  decoded,
  type HistoryFile,
  type HistoryHeader,
  type HistoryLine,
  linesOf,
  listFiles,
} from './history-file.js'
import type { HistoryReader, HistorySource, Range, SeriesRange } from './history-reader.js'
import { type HistoryReading, keyOf, matches, ReadingBuilder, refuseTooMany, SERIES_MAX } from './history-reading.js'
import type { HistorySeries } from './history-record.js'

/** What a file begins with, as far as it can be read. */
interface Opened {
  readonly header: HistoryHeader | undefined
  readonly lines: AsyncGenerator<HistoryLine | undefined>
}

/** Reads the history in a folder, which may be written meanwhile. Errors: HISTORY_UNKNOWN where there is none. */
export async function openFolderReader(folder: string): Promise<HistoryReader> {
  const files = await listOf(folder)
  const [first] = files
  if (first === undefined) throw nothing(folder)
  const source = await describe(folder, files)
  return {
    sources: async () => [source],
    list: async (_, range, signal) => await list(folder, await listOf(folder), range, signal),
    read: async (_, range, signal) => await read(folder, await listOf(folder), source, range, signal),
    close: async () => {},
  }
}

async function listOf(folder: string): Promise<HistoryFile[]> {
  return await listFiles(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') throw nothing(folder)
    throw cause
  })
}

const nothing = (folder: string) => new FleetError('HISTORY_UNKNOWN', { message: `there is no history in ${folder}` })

async function describe(folder: string, files: readonly HistoryFile[]): Promise<HistorySource> {
  for (const file of files) {
    const { header, lines } = await openFile(folder, file)
    try {
      for await (const line of lines) {
        if (header !== undefined && line !== undefined) return { source: header.source, beginsAt: new Date(line.t) }
      }
    } catch {
      // A damaged file is told of when it is read; the next one knows the name, too.
    } finally {
      await lines.return(undefined)
    }
  }
  throw nothing(folder)
}

/** Whether a file may have snapshots of that time. */
function isOf({ day }: HistoryFile, { from, to }: Range): boolean {
  return day >= dayOf(from) && day <= dayOf(to)
}

async function list(folder: string, files: readonly HistoryFile[], range: Range, signal: AbortSignal) {
  const found = new Map<string, HistorySeries>()
  for (const file of files.filter((one) => isOf(one, range))) {
    const { lines } = await openFile(folder, file, signal)
    try {
      for await (const line of lines) {
        for (const [, metric, labels, counts] of line?.s ?? []) {
          found.set(metric + keyOf(labels), { metric, labels, kind: counts === 1 ? 'counter' : 'gauge' })
        }
      }
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  return [...found.values()]
}

async function read(
  folder: string,
  files: readonly HistoryFile[],
  source: HistorySource,
  range: SeriesRange,
  signal: AbortSignal,
): Promise<HistoryReading> {
  const builder = new ReadingBuilder()
  for (const file of files.filter((one) => isOf(one, range))) {
    const isNewest = file.number === files.at(-1)?.number
    try {
      await readFile(folder, file, isNewest, range, builder, signal)
    } catch (error) {
      if (!isDamage(error)) throw error
      builder.damage(`${file.name} is damaged, what follows in it is lost: ${(error as Error).message}`)
    }
  }
  if (builder.seriesCount > SERIES_MAX) throw refuseTooMany(range.metric, builder.seriesCount)
  return builder.finish(source.source, range.from, range.to, source.beginsAt)
}

async function readFile(
  folder: string,
  file: HistoryFile,
  isNewest: boolean,
  { metric, labels: wanted }: SeriesRange,
  builder: ReadingBuilder,
  signal: AbortSignal,
): Promise<void> {
  const series = new Map<number, ReturnType<ReadingBuilder['series']>>()
  const { lines } = await openFile(folder, file, signal)
  let isBroken = false
  let torn = false
  for await (const line of lines) {
    if (torn) builder.damage(`${file.name}: a line cannot be read; the snapshots up to the next whole one are lost`)
    torn = line === undefined
    if (line === undefined) {
      isBroken = true
      continue
    }
    // Numbers of series stand for the whole file.
    for (const [id, name, labels, counts] of line.s ?? []) {
      if (name !== metric || !matches(labels, wanted)) continue
      series.set(id, builder.series({ metric, labels, kind: counts === 1 ? 'counter' : 'gauge' }))
    }
    if (line.first === 1) isBroken = false
    if (isBroken) continue
    builder.snapshot(new Date(line.t), line.first === 1, line.n)
    for (let i = 0; i + 1 < line.v.length; i += 2) series.get(line.v[i] as number)?.set(decoded(line.v[i + 1]))
  }
  // The last line of the file that is written to may be half there.
  if (torn && !isNewest) builder.damage(`${file.name}: its last line cannot be read`)
}

/** The lines of a file; undefined for one that is torn. A file that is compressed in between is read in its other form. */
async function openFile(folder: string, file: HistoryFile, signal?: AbortSignal): Promise<Opened> {
  const forms = file.isCompressed ? [file] : [file, { ...file, isCompressed: true, name: `${file.name}.gz` }]
  for (const form of forms) {
    const texts = linesOf(folder, form, signal)
    try {
      const { value, done } = await texts.next()
      const first = done ? undefined : parsed<HistoryHeader>(value)
      const header = first === undefined ? undefined : assertHeader(first, folder, form.name)
      return { header, lines: rest(texts) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || form === forms.at(-1)) throw error
    }
  }
  throw nothing(join(folder, file.name))
}

async function* rest(texts: AsyncGenerator<string>): AsyncGenerator<HistoryLine | undefined> {
  for await (const text of texts) yield parsed<HistoryLine>(text)
}

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

/** Errors of what lies on the disk, not of reaching it. */
function isDamage(error: unknown): boolean {
  return /^Z_/.test((error as { code?: string }).code ?? '')
}
