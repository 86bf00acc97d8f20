import type { Interval, Spread } from './median.js'
import type { ContestantResult } from './result.js'
import type { TargetResult } from './target.js'

/** The columns of the table of contestants. */
export const CONTESTANT_HEAD = [
  'contestant',
  'callers',
  'items/s',
  'mean ms',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'to its rival',
  'errors',
]

/** The columns of the table of targets. */
export const TARGET_HEAD = ['target', 'source', 'wanted', 'measured', 'result']

/** What a figure that does not exist is printed as. */
export const NONE = '-'

/** A number with three significant digits below 1,000 and whole, in groups of three, from there. */
export function formatNumber(value: number): string {
  if (Math.abs(value) >= 999.5) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/** The cells of one contestant: medians, and the ratio to its rival with its least and greatest round. */
export function contestantCells(result: ContestantResult): string[] {
  const { name, callers, throughput, mean, p50, p95, p99, errors } = result
  const figures = [throughput, mean, p50, p95, p99].map((figure) => (figure ? formatNumber(figure.median) : NONE))
  return [name, String(callers), ...figures, ratioCell(result), String(errors)]
}

/** The cells of one target; the last is the verdict. */
export function targetCells(target: TargetResult): string[] {
  const wanted = `${target.op} ${withUnit(target.value, target.unit)}`
  const measured = target.measured === null ? NONE : measuredCell(target.measured, target.unit, target.range)
  return [target.what, target.source, wanted, measured, verdictCell(target)]
}

/** The verdict with its reason. */
export function verdictCell({ verdict, reason }: TargetResult): string {
  return reason === null ? verdict : `${verdict}: ${reason}`
}

/** A measured figure with the 95 % interval of its median, where there is one, else with its least and greatest round. */
export function measuredCell(measured: Spread, unit: string, interval?: Interval | null): string {
  if (interval) {
    const { low, high } = interval
    return `${withUnit(measured.median, unit)} (95 %: ${formatNumber(low)} to ${formatNumber(high)})`
  }
  return `${withUnit(measured.median, unit)}${range(measured)}`
}

function ratioCell({ ratio, rival }: ContestantResult): string {
  if (rival === null) return NONE
  return ratio === null ? `${NONE} ${rival}` : `${withUnit(ratio.median, 'x')} ${rival}${range(ratio)}`
}

function range({ min, max }: Spread): string {
  return min === max ? '' : ` (${formatNumber(min)} to ${formatNumber(max)})`
}

function withUnit(value: number, unit: string): string {
  const tight = ['', 'x', '%', '/s'].includes(unit)
  return `${formatNumber(value)}${tight ? '' : ' '}${unit}`
}
