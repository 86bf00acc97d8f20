import { measuredCell, NONE, targetCells, verdictCell } from './cells.js'
import type { Run } from './run.js'
import type { TargetResult } from './target.js'

/** The judgement on a run. */
export interface Check {
  /** True when every target is met (or, where allowed, could not be measured). */
  readonly passed: boolean
  /** Measured and not reached, or reached with failed calls. */
  readonly short: readonly TargetResult[]
  /** Not measured, each with its reason. */
  readonly unmeasured: readonly TargetResult[]
}

/** How strictly a run is judged. */
export interface CheckOptions {
  /** Lets targets pass that this machine could not measure, such as those against an absent pgbench. @default false */
  allowUnmeasured?: boolean
}

/** Judges a run by its targets, for `--check`. */
export function checkRun(run: Run, { allowUnmeasured = false }: CheckOptions = {}): Check {
  const short = run.targets.filter(({ verdict }) => verdict === 'short')
  const unmeasured = run.targets.filter(({ verdict }) => verdict === 'unmeasured')
  return { passed: short.length === 0 && (allowUnmeasured || unmeasured.length === 0), short, unmeasured }
}

/** One line for each target that is not met; empty when all are. */
export function formatCheck(check: Check): string {
  return [...check.short, ...check.unmeasured].map(lineOf).join('\n')
}

function lineOf(target: TargetResult): string {
  const [what, , wanted] = targetCells(target)
  const measured = target.measured === null ? NONE : measuredCell(target.measured, target.unit, target.range)
  return `${target.id}: ${what}: wanted ${wanted}, measured ${measured}, ${verdictCell(target)} [${target.source}]`
}
