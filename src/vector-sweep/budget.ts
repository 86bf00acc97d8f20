import { FleetError } from '../errors.js'
import { isTimeout, type SweepSession } from './session.js'

/** The time that a sweep may take. */
export interface Budget {
  /** What is left, in milliseconds; below 0 when it is spent. */
  leftMs(): number
  isSpent(): boolean
  /** Has the server end each statement from now on when the budget is spent. */
  limit(): Promise<void>
  /** Does what a sweep cannot do without. Errors: TIMEOUT when the budget ends before. */
  spend<T>(what: string, work: () => Promise<T>): Promise<T>
  /** The error when the budget was spent on nothing. */
  nothing(): FleetError
}

/** Least time-out of a statement, in milliseconds: 0 would be none. */
const TIMEOUT_MIN_MS = 50

/** Begins the time. */
export function createBudget(session: SweepSession, milliseconds: number): Budget {
  const end = performance.now() + milliseconds
  const leftMs = () => end - performance.now()
  const nothing = () => spent('before any index was built and searched')
  const spent = (when: string, cause?: unknown) =>
    new FleetError('TIMEOUT', {
      message: `the ${milliseconds / 1000} s of the sweep were over ${when}`,
      hint: 'Give it more time with --budget, or fewer rows with --sample-rows.',
      ...(cause === undefined ? {} : { cause }),
    })
  const limit = async () => await session.set('statement_timeout', `${Math.max(TIMEOUT_MIN_MS, Math.ceil(leftMs()))}ms`)
  return {
    leftMs,
    isSpent: () => leftMs() <= 0,
    limit,
    async spend(what, work) {
      try {
        await limit()
        return await work()
      } catch (error) {
        if (!isTimeout(error)) throw error
        throw spent(`while ${what}`, error)
      }
    },
    nothing,
  }
}
