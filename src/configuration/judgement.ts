import { type Interval, median, medianInterval } from '../bench/index.js'
import type { SettingGroup } from './advised-setting.js'

/** What a load did in each round, before and after: operations a second. */
export interface LoadRounds {
  readonly load: string
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** A load's figures: after ÷ before, round by round, and where the median of those ratios lies with 95 % confidence. */
export interface LoadFigures {
  readonly load: string
  readonly before: number
  readonly after: number
  readonly ratio: number
  readonly interval: Interval
}

/** Whether a group of settings is kept. */
export interface Judgement {
  readonly kept: boolean
  /** In words, with the figures. */
  readonly reason: string
  readonly figures: readonly LoadFigures[]
}

/** With fewer rounds no interval holds the median with 95 % confidence. */
export const ROUNDS_MIN = 6

/**
 * Judges a group by its rounds. Settings for speed are kept when all loads together win outside the noise and none loses outside
 * it; those for safety when none loses outside it. Noise is the interval of the rounds' median: 1 within it is no difference.
 * Both sides need ROUNDS_MIN rounds, pair by pair from the same moments.
 */
export function judge(purpose: SettingGroup['purpose'], loads: readonly LoadRounds[]): Judgement {
  const figures = loads.map(({ load, before, after }): LoadFigures => {
    const ratios = ratiosOf(before, after)
    return {
      load,
      before: median(before) ?? 0,
      after: median(after) ?? 0,
      ratio: median(ratios) ?? 1,
      interval: intervalOf(ratios),
    }
  })
  const rounds = Math.min(...loads.map(({ before }) => before.length))
  // Loads count the same, whatever their rates are.
  const together = Array.from({ length: rounds }, (_, round) =>
    Math.exp(mean(loads.map(({ before, after }) => Math.log(ratiosOf(before, after)[round] ?? 1)))),
  )
  const all = intervalOf(together)
  const loser = figures.find(({ interval }) => interval.high < 1)
  if (loser !== undefined) return { kept: false, reason: `slower: ${describe(loser)}`, figures }
  if (all.high < 1) return { kept: false, reason: `slower in all loads together: ${range(all)}`, figures }
  const told = figures.map(describe).join('; ')
  if (all.low > 1) return { kept: true, reason: `faster: ${told}`, figures }
  if (purpose === 'safety') return { kept: true, reason: `costs nothing outside the noise: ${told}`, figures }
  return { kept: false, reason: `no gain outside the noise: ${told}`, figures }
}

const ratiosOf = (before: readonly number[], after: readonly number[]) =>
  before.map((value, round) => (value > 0 ? (after[round] ?? 0) / value : 1))

/** Too few rounds say nothing: anything may be. */
const intervalOf = (ratios: readonly number[]): Interval =>
  medianInterval(ratios) ?? { low: 0, high: Number.POSITIVE_INFINITY }

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

const range = ({ low, high }: Interval) => `× ${low.toFixed(3)} to ${high.toFixed(3)}`

const describe = ({ load, before, after, ratio, interval }: LoadFigures) =>
  `${load} ${before.toFixed(0)} → ${after.toFixed(0)} a second, × ${ratio.toFixed(3)} (95 %: ${range(interval).slice(2)})`
