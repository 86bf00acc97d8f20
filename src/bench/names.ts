import { FleetError } from '../errors.js'
import type { Contestant } from './contestant.js'
import type { Target } from './target.js'

/**
 * A name that nobody bears, or two bear, is a mistake of the scenario, told before minutes are spent on it. Throws
 * BENCH_FAILED.
 */
export function checkNames(scenario: string, contestants: readonly Contestant[], targets: readonly Target[]): void {
  const names = contestants.map(({ name }) => name)
  const wanted = [
    ...targets.flatMap(({ metric }) =>
      metric.kind === 'ratio' ? [metric.contestant, metric.to] : [metric.contestant],
    ),
    ...contestants.flatMap(({ rival }) => rival ?? []),
  ]
  if (names.length === 0) throw mistake(scenario, 'no contestants')
  const doubled = firstDouble(names) ?? firstDouble(targets.map(({ id }) => id))
  if (doubled !== undefined) throw mistake(scenario, `"${doubled}" twice`)
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) throw mistake(scenario, `no contestant "${unknown}", which a rival or target names`)
}

function firstDouble(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index)
}

function mistake(scenario: string, what: string): FleetError {
  return new FleetError('BENCH_FAILED', {
    message: `The scenario "${scenario}" has ${what}.`,
    hint: 'Contestants and targets need names of their own; rivals and targets name contestants of the scenario.',
  })
}
