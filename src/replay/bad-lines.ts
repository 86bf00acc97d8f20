import { FleetError } from '../errors.js'
import type { BadLine } from './history.js'

/** How many bad lines a history remembers one by one, so that a broken file cannot fill the memory. */
export const BAD_LINES_KEPT = 100

/** Gathers the bad lines of one history. */
export interface BadLines {
  readonly kept: readonly BadLine[]
  readonly count: number
  /** Notes a bad line. @throws FleetError `REPLAY_BAD_LINE` when strict. */
  add(bad: BadLine): void
}

/** Starts gathering; `strict` makes the first bad line the last. */
export function createBadLines(strict: boolean): BadLines {
  const kept: BadLine[] = []
  let count = 0
  return {
    kept,
    get count() {
      return count
    },
    add(bad) {
      if (strict) throw badLineError(bad)
      count++
      if (kept.length < BAD_LINES_KEPT) kept.push(bad)
    },
  }
}

/** The error for a bad line that ends the reading. */
export function badLineError(bad: BadLine, cause?: unknown): FleetError {
  const line = bad.line === undefined ? '' : `, line ${bad.line}`
  const column = bad.column === undefined ? '' : `, ${bad.column}`
  return new FleetError('REPLAY_BAD_LINE', {
    message: `${bad.file}${line}${column}: ${bad.reason}`,
    ...(cause === undefined ? {} : { cause }),
    details: { ...bad },
  })
}

/** The error for a history in which no run could be read. */
export function emptyHistoryError(path: string, skipped: number): FleetError {
  return new FleetError('REPLAY_EMPTY', {
    message: `No test run could be read from ${path}; ${skipped} lines were bad.`,
    details: { path, skipped },
  })
}
