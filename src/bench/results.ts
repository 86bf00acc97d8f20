import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FleetError } from '../errors.js'
import { toJson } from './report.js'
import type { Run } from './run.js'

/** Where runs are saved, from the folder in which the program was started. */
export const RESULTS_FOLDER = 'bench/results'

/**
 * Appends the run as one line to `<folder>/<scenario>.jsonl` and returns that file's path. The line goes out in one write
 * to a file opened for appending, so two runs that end together never mix; a line that a crash cut off stays alone.
 */
export async function appendRun(run: Run, folder: string = RESULTS_FOLDER): Promise<string> {
  const path = pathOf(run.scenario, folder)
  await mkdir(folder, { recursive: true })
  const file = await open(path, 'a+')
  try {
    const line = Buffer.from(`${(await endsCutOff(file)) ? '\n' : ''}${toJson(run)}\n`)
    const { bytesWritten } = await file.write(line)
    if (bytesWritten === line.length) return path
    throw new FleetError('BENCH_FAILED', { message: 'The run was saved in part only.', hint: 'Is the disk full?' })
  } finally {
    await file.close()
  }
}

/** The saved runs of a scenario, oldest first; none when there is no file. A line that is no run is INPUT_INVALID. */
export async function readRuns(scenario: string, folder: string = RESULTS_FOLDER): Promise<Run[]> {
  let text: string
  try {
    text = await readFile(pathOf(scenario, folder), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
  return text.split('\n').flatMap((line, index) => (line === '' ? [] : [parseRun(line, index + 1)]))
}

/** The run that was saved last; null when none was. */
export async function latestRun(scenario: string, folder: string = RESULTS_FOLDER): Promise<Run | null> {
  return (await readRuns(scenario, folder)).at(-1) ?? null
}

function pathOf(scenario: string, folder: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,59}$/.test(scenario)) return join(folder, `${scenario}.jsonl`)
  throw new FleetError('INPUT_INVALID', {
    message: 'A scenario is named by 1 to 60 lower-case letters, digits and "-", beginning with a letter or digit.',
    field: 'scenario',
  })
}

async function endsCutOff(file: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await file.stat()
  if (size === 0) return false
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer.toString() !== '\n'
}

function parseRun(line: string, number: number): Run {
  try {
    const run: unknown = JSON.parse(line)
    if (typeof run === 'object' && run !== null && 'format' in run && run.format === 1) return run as Run
  } catch {
    // Not JSON: the same mistake as JSON of another shape, and told in the same words.
  }
  throw new FleetError('INPUT_INVALID', {
    message: `Line ${number} of the saved runs is not a run of format 1.`,
    hint: 'Remove the line; a crash or an edit has damaged it.',
    field: 'results',
  })
}
