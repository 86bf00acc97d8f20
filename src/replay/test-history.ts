import type { Cycle } from './history.js'

/** What earlier cycles tell of one test. */
export interface TestRecord {
  /** Verdicts of its runs, the newest first, `1` failed and `0` passed; at most {@link VERDICTS_KEPT}. */
  verdicts: string
  /** In how many cycles it ran. */
  cycles: number
  /** Index of the cycle in which it last failed; absent if it never did. */
  lastFailure?: number
  /** Its expected duration: the mean of a cycle, averaged over cycles with a half-life of one cycle. */
  duration: number
}

/** The tests of a history as known before the cycle at `index`. */
export interface TestHistory {
  /** How many cycles were observed; the index of the cycle to come. */
  readonly index: number
  /** Mean duration of all runs so far; 1 before the first. */
  readonly meanDuration: number
  /** The record of a test; absent until it ran. */
  get(test: string): TestRecord | undefined
  /** Adds a cycle, once it is over. */
  observe(cycle: Cycle): void
}

/** How many verdicts of a test are kept. */
export const VERDICTS_KEPT = 25

/** An empty history of tests. Memory grows with the number of tests, not of runs. */
export function createTestHistory(): TestHistory {
  const records = new Map<string, TestRecord>()
  let index = 0
  let runs = 0
  let elapsed = 0
  return {
    get index() {
      return index
    },
    get meanDuration() {
      return runs === 0 ? 1 : elapsed / runs
    },
    get: (test) => records.get(test),
    observe(cycle) {
      for (const [test, seen] of groupByTest(cycle)) {
        const mean = seen.duration / seen.runs
        const record = records.get(test) ?? { verdicts: '', cycles: 0, duration: mean }
        record.verdicts = (seen.verdicts + record.verdicts).slice(0, VERDICTS_KEPT)
        record.cycles++
        record.duration = (record.duration + mean) / 2
        if (seen.failures > 0) record.lastFailure = index
        records.set(test, record)
      }
      for (const run of cycle.runs) elapsed += run.duration
      runs += cycle.runs.length
      index++
    },
  }
}

/** The runs of one test in one cycle, taken together. */
export interface TestInCycle {
  runs: number
  failures: number
  /** Sum of its runs' durations. */
  duration: number
  /** The newest first. */
  verdicts: string
}

/** Takes the runs of each test of a cycle together, in the order of first occurrence. */
export function groupByTest(cycle: Cycle): Map<string, TestInCycle> {
  const tests = new Map<string, TestInCycle>()
  for (const run of cycle.runs) {
    const seen = tests.get(run.test) ?? { runs: 0, failures: 0, duration: 0, verdicts: '' }
    seen.runs++
    seen.failures += Number(run.failed)
    seen.duration += run.duration
    seen.verdicts = (run.failed ? '1' : '0') + seen.verdicts
    tests.set(run.test, seen)
  }
  return tests
}
