import type { Thresholds } from '../../doctor/thresholds.js'
import { type Comparison, type Condition, limitOf, type Matchers, type Term } from './condition.js'

/** The condition as an expression of Prometheus. */
export function toPromql(condition: Condition, thresholds: Thresholds): string {
  if ('absent' in condition) return `absent(${condition.absent})`
  const [first, ...more] = [
    compared(condition, thresholds),
    ...(condition.and ?? []).map((each) => `${matching('and', each.ignoring)} ${compared(each, thresholds)}`),
  ]
  return [first, ...more].join(' ')
}

function compared({ of, per, perIgnoring, is, than }: Comparison, thresholds: Thresholds): string {
  const value = term(of)
  const limit = String(limitOf(than, thresholds))
  if (per === undefined) return `${value} ${is} ${limit}`
  const divisor = per.length === 1 ? term(per[0] as Term) : `(${per.map(term).join(' + ')})`
  const group = perIgnoring === undefined ? '' : ' group_left ()'
  return `${value} ${matching('/', perIgnoring)}${group} ${divisor} ${is} ${limit}`
}

function matching(operator: string, ignoring: readonly string[] | undefined): string {
  return ignoring === undefined ? operator : `${operator} ignoring (${ignoring.join(', ')})`
}

function term({ metric, where = {}, whereNot = {}, increaseS, age, take, without = [] }: Term): string {
  const matchers = [...selectors(where, '=', '=~'), ...selectors(whereNot, '!=', '!~')]
  let text = matchers.length === 0 ? metric : `${metric}{${matchers.join(', ')}}`
  if (increaseS !== undefined) text = `increase(${text}[${promDuration(increaseS)}])`
  if (age === true) text = `(time() - ${text})`
  return take === undefined ? text : `${take} without (${without.join(', ')}) (${text})`
}

function selectors(matchers: Matchers, one: string, many: string): string[] {
  return Object.entries(matchers).map(([name, value]) =>
    typeof value === 'string'
      ? `${name}${one}${JSON.stringify(value)}`
      : // Values are words of PostgreSQL and of pgfleet, which a regular expression takes as they are.
        `${name}${many}${JSON.stringify(value.join('|'))}`,
  )
}

/** Seconds as Prometheus writes them: `90s`, `5m`, `6h`. */
export function promDuration(seconds: number): string {
  const [unit, size] = (
    [
      ['h', 3600],
      ['m', 60],
    ] as const
  ).find(([, size]) => seconds > 0 && seconds % size === 0) ?? ['s', 1]
  return `${seconds / size}${unit}`
}
