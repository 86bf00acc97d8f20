import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import { FleetError, isFleetError } from '../errors.js'
import type { Tenant } from '../fleet.js'
import type { NewPipelineJob } from '../stores/delivery/index.js'

/** How jobs are imported. */
export interface JobImportOptions {
  /** Ends the import between two batches; what was imported stays. */
  readonly signal?: AbortSignal
  /** How many bytes of the file were read, and the jobs in them. */
  readonly onProgress?: (bytes: number, total: number, jobs: number) => void
}

/** What an import of jobs did. */
export interface ImportedJobs {
  /** Lines of the file but its header. */
  readonly jobs: number
  readonly written: number
  /** Those that were known already, or better. */
  readonly known: number
  /** How many came to which end. */
  readonly conclusions: Readonly<Record<string, number>>
}

/** Jobs of one statement. */
const BATCH = 1000
// A quote that is never closed would otherwise swallow the rest of the file before it is noticed.
const LINE_BYTES_MAX = 1024 * 1024

interface Line {
  readonly record: Record<string, string>
  readonly info: { readonly lines: number; readonly bytes: number }
}

/**
 * Imports jobs of GitHub from a CSV file with the columns `job_id`, `start_time` (UTC), `conclusion`, `dynamoKey`
 * (owner/repository/id) and `name`; others are ignored. The file is streamed, in batches; importing it again changes nothing.
 * Errors: INPUT_INVALID, which names file and line; what stood before it stays.
 */
export async function importJobs(
  tenant: Pick<Tenant, 'delivery'>,
  path: string,
  options: JobImportOptions = {},
): Promise<ImportedJobs> {
  const { signal, onProgress } = options
  const total = await sizeOf(path)
  const conclusions: Record<string, number> = {}
  let jobs = 0
  let written = 0
  let batch: NewPipelineJob[] = []
  const flush = async (bytes: number) => {
    const results = await tenant.delivery.pipeline.recordJobs(batch, signal && { signal })
    written += results.filter((each) => each).length
    batch = []
    onProgress?.(bytes, total, jobs)
  }
  const parser = parse({
    bom: true,
    columns: (header: string[]) => assertColumns(header, path),
    info: true,
    skip_empty_lines: true,
    max_record_size: LINE_BYTES_MAX,
  })
  // Leaving the loop early ends the streams before it, and the pipeline may report their end instead of its cause.
  let refused: unknown
  const takeAll = async (lines: AsyncIterable<Line>): Promise<void> => {
    try {
      for await (const { record, info } of lines) {
        const job = toJob(record, `${path}:${info.lines}`)
        batch.push(job)
        jobs += 1
        const conclusion = job.conclusion ?? 'none'
        conclusions[conclusion] = (conclusions[conclusion] ?? 0) + 1
        if (batch.length === BATCH) await flush(info.bytes)
      }
      await flush(total)
    } catch (error) {
      refused = error
      throw error
    }
  }
  try {
    await pipeline(createReadStream(path), parser, takeAll, signal === undefined ? {} : { signal })
  } catch (cause) {
    throw readingError(refused ?? cause, path, signal)
  }
  return { jobs, written, known: jobs - written, conclusions }
}

const COLUMNS = ['job_id', 'start_time', 'conclusion', 'dynamoKey', 'name']

function assertColumns(header: string[], path: string): string[] {
  for (const column of COLUMNS) {
    if (header.includes(column)) continue
    throw new FleetError('INPUT_INVALID', {
      message: `${path} has no column ${column}; its header is ${header.join().slice(0, 200)}`,
      hint: `A file of jobs has the columns ${COLUMNS.join(', ')}.`,
      field: column,
    })
  }
  return header
}

function toJob(record: Record<string, string>, place: string): NewPipelineJob {
  const refuse = (column: string, expected: string): never => {
    const shown = (record[column] ?? '').slice(0, 40)
    throw new FleetError('INPUT_INVALID', {
      message: `${place}: ${column}: expected ${expected}, found "${shown}"`,
      field: column,
    })
  }
  const { job_id = '', start_time = '', conclusion = '', dynamoKey = '', name = '' } = record
  if (!/^[1-9]\d{0,14}$/.test(job_id)) refuse('job_id', 'a whole number')
  const [, repository] = /^([^/]+\/[^/]+)\/\d+$/.exec(dynamoKey) ?? []
  if (repository === undefined) return refuse('dynamoKey', 'owner/repository/id')
  if (name === '') refuse('name', 'a name')
  // To the millisecond: what is finer is no ISO time of JavaScript.
  const [, day, time] = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d*Z?$/.exec(start_time) ?? []
  const startedAt = new Date(`${day}T${time}Z`)
  if (Number.isNaN(startedAt.getTime())) refuse('start_time', 'a time in UTC')
  return { repository, jobId: Number(job_id), name, startedAt, ...(conclusion !== '' && { conclusion }) }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (cause) {
    throw readingError(cause, path, undefined)
  }
}

function readingError(cause: unknown, path: string, signal: AbortSignal | undefined): unknown {
  if (isFleetError(cause)) return cause
  if (signal?.aborted) return new FleetError('ABORTED', { message: `importing ${path} was aborted`, cause })
  const why = cause instanceof CsvError ? cause.message : String(cause)
  return new FleetError('INPUT_INVALID', { message: `${path} cannot be read: ${why}`, field: 'path', cause })
}
