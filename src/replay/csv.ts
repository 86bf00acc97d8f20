import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import { FleetError } from '../errors.js'
import { badLineError, createBadLines, emptyHistoryError } from './bad-lines.js'
import type { BadLine, Cycle, History, ReadOptions, TestRun } from './history.js'

// A quote that is never closed would otherwise swallow the rest of the file before it is noticed.
const LINE_BYTES_MAX = 1024 * 1024

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/**
 * Reads a history in the CSV form of RETECS (Spieker et al., ISSTA 2017): columns parted by `;` and found by their
 * names in the header: `Name`, `Duration`, `Verdict` (1 = failed, 0 = passed), `Cycle` and, where present, `LastRun`
 * (UTC). Others are ignored, `LastResults` too: for a test that occurs twice in a cycle it holds a verdict of that
 * same cycle. The file is streamed; memory grows with its runs, not with its text.
 *
 * @throws FleetError as {@link readHistory}.
 */
export async function readCsvHistory(path: string, options: ReadOptions = {}): Promise<History> {
  const bad = createBadLines(options.strict ?? false)
  const cycles = new Map<number, TestRun[]>()
  // One string for each name, instead of one for each line.
  const names = new Map<string, string>()
  let columns: Columns | undefined
  let started: { text: string; at: Date | undefined } = { text: '', at: undefined }

  const parser = parse({
    delimiter: ';',
    bom: true,
    trim: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: LINE_BYTES_MAX,
  })
  const take = (record: string[], line: number): void => {
    if (columns === undefined) {
      columns = findColumns(record, path)
      return
    }
    const row = readRow(record, columns)
    if ('reason' in row) {
      bad.add({ file: path, line, ...row })
      return
    }
    const test = names.get(row.test) ?? row.test
    names.set(test, test)
    const lastRun = columns.lastRun < 0 ? '' : (record[columns.lastRun] ?? '')
    // Neighbouring lines tend to have started together, and a Date is larger than the rest of a run.
    if (lastRun !== started.text) started = { text: lastRun, at: readTime(lastRun) }
    const runs = cycles.get(row.cycle) ?? []
    if (runs.length === 0) cycles.set(row.cycle, runs)
    const { duration, failed } = row
    runs.push(started.at === undefined ? { test, duration, failed } : { test, duration, failed, startedAt: started.at })
  }
  // Leaving the loop early ends the streams before it, and the pipeline may report their end instead of its cause.
  let refused: unknown
  const takeAll = async (records: AsyncIterable<{ record: string[]; info: { lines: number } }>): Promise<void> => {
    for await (const { record, info } of records) {
      try {
        take(record, info.lines)
      } catch (error) {
        refused = error
        throw error
      }
    }
  }
  try {
    await pipeline(createReadStream(path), parser, takeAll, { signal: options.signal })
  } catch (cause) {
    throw readingError(refused ?? cause, path, options.signal)
  }
  if (cycles.size === 0) throw emptyHistoryError(path, bad.count)
  return { cycles: inOrder(cycles), badLines: bad.kept, skipped: bad.count }
}

interface Columns {
  readonly count: number
  readonly name: number
  readonly duration: number
  readonly verdict: number
  readonly cycle: number
  /** -1 where the file has none. */
  readonly lastRun: number
}

function findColumns(header: string[], path: string): Columns {
  const at = (column: string): number => {
    const index = header.indexOf(column)
    if (index >= 0) return index
    throw new FleetError('INPUT_INVALID', {
      message: `${path} has no column ${column}; its header is ${header.join(';').slice(0, 200)}.`,
      hint: 'A RETECS history has the columns Name, Duration, Verdict and Cycle, parted by semicolons.',
      field: column,
    })
  }
  return {
    count: header.length,
    name: at('Name'),
    duration: at('Duration'),
    verdict: at('Verdict'),
    cycle: at('Cycle'),
    lastRun: header.indexOf('LastRun'),
  }
}

interface Row {
  readonly cycle: number
  readonly test: string
  readonly duration: number
  readonly failed: boolean
}

/** Reads one line, or says what is wrong with it. */
function readRow(record: string[], columns: Columns): Row | Pick<BadLine, 'column' | 'reason'> {
  if (record.length !== columns.count) {
    return { reason: `${record.length} columns instead of ${columns.count}` }
  }
  const text = (index: number): string => record[index] ?? ''
  const test = text(columns.name)
  if (test === '') return { column: 'Name', reason: 'the name is empty' }
  const duration = DECIMAL.test(text(columns.duration)) ? Number(text(columns.duration)) : Number.NaN
  if (!(duration >= 0 && duration < Number.POSITIVE_INFINITY)) {
    return { column: 'Duration', reason: `expected a number of 0 or more, found "${shown(text(columns.duration))}"` }
  }
  const verdict = text(columns.verdict)
  if (verdict !== '0' && verdict !== '1') {
    return { column: 'Verdict', reason: `expected 0 or 1, found "${shown(verdict)}"` }
  }
  const cycle = DECIMAL.test(text(columns.cycle)) ? Number(text(columns.cycle)) : Number.NaN
  if (!Number.isSafeInteger(cycle)) {
    return { column: 'Cycle', reason: `expected a whole number, found "${shown(text(columns.cycle))}"` }
  }
  return { cycle, test, duration, failed: verdict === '1' }
}

/** A time that cannot be read is left out: the order of the cycles does not rest on it. */
function readTime(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d/.test(text)) return undefined
  const time = new Date(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
  return Number.isNaN(time.getTime()) ? undefined : time
}

function inOrder(cycles: Map<number, TestRun[]>): Cycle[] {
  return [...cycles.keys()].sort((a, b) => a - b).map((cycle) => ({ cycle, runs: cycles.get(cycle) ?? [] }))
}

function readingError(cause: unknown, path: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return new FleetError('ABORTED', { message: `Reading ${path} was aborted.`, cause })
  if (cause instanceof CsvError) {
    const line = (cause as CsvError & { lines?: number }).lines
    return badLineError({ file: path, ...(line === undefined ? {} : { line }), reason: cause.message }, cause)
  }
  if (cause instanceof FleetError) return cause
  return new FleetError('INPUT_INVALID', { message: `${path} cannot be read.`, field: 'path', cause })
}

/** What an error message may show of a field. */
function shown(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`
}
