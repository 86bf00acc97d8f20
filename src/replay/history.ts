import { stat } from 'node:fs/promises'
import { FleetError } from '../errors.js'
import { readCsvHistory } from './csv.js'
import { readJUnitHistory } from './junit.js'

/** One execution of one test. */
export interface TestRun {
  /** The test's name, the same in every cycle. */
  readonly test: string
  /** How long it took; any unit, the same throughout a history. 0 or more. */
  readonly duration: number
  readonly failed: boolean
  /** When it started, where the history says so. */
  readonly startedAt?: Date
}

/** One run of continuous integration; a test may occur in it more than once. */
export interface Cycle {
  /** Its number in the history; cycles are replayed in ascending order of it. */
  readonly cycle: number
  /** The runs as the history gives them; 1 or more. */
  readonly runs: readonly TestRun[]
}

/** A place of a history that could not be read, and why. */
export interface BadLine {
  readonly file: string
  /** Counted from 1; the first line of a CSV file is its header. Absent where a JUnit file has no line to name. */
  readonly line?: number
  /** The column of a CSV file, or the attribute of a JUnit file, at fault. */
  readonly column?: string
  readonly reason: string
}

/** A history read whole. */
export interface History {
  /** In ascending order of their numbers; 1 or more. */
  readonly cycles: readonly Cycle[]
  /** The first bad lines, at most `BAD_LINES_KEPT`. */
  readonly badLines: readonly BadLine[]
  /** How many bad lines were skipped in all. */
  readonly skipped: number
}

/** How a history is read. */
export interface ReadOptions {
  /** Stop at the first bad line with `REPLAY_BAD_LINE` instead of skipping it. @default false */
  strict?: boolean
  /** Ends the reading with `ABORTED`. */
  signal?: AbortSignal
}

/**
 * Reads a history: a RETECS CSV file, or a directory of JUnit XML files. The whole of it is read and checked before
 * this returns, so nothing is learned from a history that `strict` refuses.
 *
 * @throws FleetError `INPUT_INVALID` when there is no such file or a column is missing, `REPLAY_BAD_LINE` when strict,
 * `REPLAY_EMPTY` when no run is left, `ABORTED`.
 */
export async function readHistory(path: string, options: ReadOptions = {}): Promise<History> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new FleetError('INPUT_INVALID', { message: `There is no history at ${path}.`, field: 'path', cause })
  })
  return found.isDirectory() ? readJUnitHistory(path, options) : readCsvHistory(path, options)
}
