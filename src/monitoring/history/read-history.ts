import { z } from 'zod'
import type { Database } from '../../database/database.js'
import { FleetError } from '../../errors.js'
import { openDatabase } from '../../fleet.js'
import { check } from '../../input.js'
import { createDatabaseReader } from './database-reader.js'
import { openFolderReader } from './folder-reader.js'
import { type HistoryMark, marksOf } from './history-marks.js'
import { ratesOf } from './history-rates.js'
import type { HistoryReader, HistorySource } from './history-reader.js'
import type { HistoryQuestion, HistoryReading, SeriesReading } from './history-reading.js'

/** A series with its values, and how fast it grew where it is a counter. */
export interface HistoryOfSeries extends SeriesReading {
  /** For a counter its growth a second since the snapshot before, never negative; null: it cannot be told. */
  readonly perSecond: readonly (number | null)[] | undefined
  /** When the counter began anew though nothing else shows why: its statistics were reset. */
  readonly resets: readonly Date[]
}

/** What a history tells of a metric. */
export interface History extends Omit<HistoryReading, 'series' | 'damages'> {
  readonly series: readonly HistoryOfSeries[]
  /** What else happened, and where nothing is known: gaps, restarts, promotions, settings that changed. By time. */
  readonly marks: readonly HistoryMark[]
}

/** What is asked, and of which database where a history has several. */
export interface ReadHistoryOptions extends HistoryQuestion {
  /** The database: `SYSTEM_IDENTIFIER/NAME`, or its end. @default the only one */
  readonly source?: string
  readonly signal?: AbortSignal
}

const questions = z.strictObject({
  metric: z.string().min(1).max(200),
  labels: z.record(z.string().max(200), z.string().max(2000)).default({}),
  from: z.date().optional(),
  to: z.date().optional(),
  source: z.string().max(500).optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

/** A day, in milliseconds: what is read where no beginning is given. */
const DAY_MS = 86_400_000

/** Opens the history in a folder, or in the database behind a postgres:// url. Errors: HISTORY_UNKNOWN, those of the database. */
export async function openHistory(place: string): Promise<HistoryReader> {
  if (!isUrl(place)) return await openFolderReader(place)
  const database = await openDatabase({ url: place, poolMax: 1 })
  return { ...createDatabaseReader(database), close: () => database.close() }
}

/** Whether a place is a database, and no folder. */
export function isUrl(place: string): boolean {
  return /^postgres(ql)?:\/\//.test(place)
}

/**
 * Reads what a monitor kept of a metric: from a folder, a postgres:// url, or a fleet's open database. Errors: INPUT_INVALID,
 * HISTORY_UNKNOWN, HISTORY_UNSUITABLE, SCHEMA_MISSING, PERMISSION_DENIED, ABORTED, those of the database.
 */
export async function readHistory(place: string | Database, options: ReadHistoryOptions): Promise<History> {
  const { source, signal, ...question } = check('options', questions, options)
  const reader = typeof place === 'string' ? await openHistory(place) : createDatabaseReader(place)
  try {
    return await readFrom(reader, question, { source, signal: signal ?? new AbortController().signal })
  } finally {
    await reader.close()
  }
}

/** The same of a history that is open. */
export async function readFrom(
  reader: HistoryReader,
  question: {
    readonly metric: string
    readonly labels?: Readonly<Record<string, string>>
    readonly from?: Date | undefined
    readonly to?: Date | undefined
  },
  { source, signal }: { readonly source: string | undefined; readonly signal: AbortSignal },
): Promise<History> {
  const to = question.to ?? new Date()
  const from = question.from ?? new Date(to.getTime() - DAY_MS)
  if (from >= to) {
    throw new FleetError('INPUT_INVALID', { message: 'options.from: it has to be before `to`', field: 'options.from' })
  }
  const { source: name } = await chooseSource(reader, source, signal)
  const { metric, labels = {} } = question
  const { damages, ...reading } = await reader.read(name, { metric, labels, from, to }, signal)
  const { marks, breaks } = marksOf({ ...reading, damages })
  const series = reading.series.map((one): HistoryOfSeries => {
    if (one.kind !== 'counter') return { ...one, perSecond: undefined, resets: [] }
    const { perSecond, resets } = ratesOf(reading.times, one.values, breaks)
    return { ...one, perSecond, resets: resets.map((i) => reading.times[i] as Date) }
  })
  return { ...reading, series, marks }
}

/** The database of that name, or the only one. Errors: HISTORY_UNKNOWN. */
export async function chooseSource(
  reader: HistoryReader,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<HistorySource> {
  const sources = await reader.sources(signal)
  const found = sources.filter(
    ({ source }) => wanted === undefined || source === wanted || source.endsWith(`/${wanted}`),
  )
  const [only] = found
  if (found.length === 1 && only !== undefined) return only
  const names = sources.map(({ source }) => source).join(', ')
  throw new FleetError('HISTORY_UNKNOWN', {
    message:
      sources.length === 0
        ? 'no history is kept there yet'
        : `${found.length === 0 ? 'no' : 'more than one'} database fits; there is the history of ${names}`,
    hint: sources.length === 0 ? 'Let `pgfleet monitor --history` run for a while.' : 'Name one with --source.',
  })
}
