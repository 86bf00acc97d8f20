import type { Thresholds } from '../../doctor/thresholds.js'
import type { Snapshot } from '../snapshot.js'
import { type Comparison, type Condition, limitOf, type Matchers, type Term, windowOf } from './condition.js'
import { CounterWindow, increase } from './counter-window.js'
import { type Labels, labelsKey } from './open-alert.js'
import type { AlertRule } from './rule.js'

/** A number with its labels. */
interface Measured {
  readonly labels: Labels
  readonly value: number
}

/** What a condition comes to at one moment, by the labels. */
export interface Verdict {
  /** Those for which it holds. */
  readonly due: ReadonlyMap<string, Measured>
  /** Those that were measured at all, so that what is missing can be told from what is well. */
  readonly measured: ReadonlySet<string>
}

type Values = Map<string, Measured>

/** Reckons conditions over snapshots, and remembers the counters that they look back at. */
export class Measurement {
  readonly #thresholds: Thresholds
  readonly #windows = new Map<string, CounterWindow>()
  #samples = new Map<string, Measured[]>()
  #now = 0

  constructor(rules: readonly AlertRule[], thresholds: Thresholds) {
    this.#thresholds = thresholds
    for (const { condition } of rules) {
      for (const metric of countersOf(condition)) {
        const longest = Math.max(
          ...rules
            .filter((rule) => countersOf(rule.condition).includes(metric))
            .map((rule) => windowOf(rule.condition)),
        )
        this.#windows.set(metric, new CounterWindow(longest * 1000))
      }
    }
  }

  /** Takes a snapshot; what is asked then is asked of its moment. */
  take({ at, samples }: Pick<Snapshot, 'at' | 'samples'>): void {
    this.#now = at.getTime()
    this.#samples = new Map()
    for (const window of this.#windows.values()) window.prune(this.#now)
    for (const { metric, labels: given, value } of samples) {
      const labels = tidy(given)
      const same = this.#samples.get(metric)
      if (same === undefined) this.#samples.set(metric, [{ labels, value }])
      else same.push({ labels, value })
      this.#windows.get(metric)?.add(labelsKey(labels), labels, { at: this.#now, value })
    }
  }

  /** Counters of before cannot be compared with those to come. */
  forget(): void {
    for (const window of this.#windows.values()) window.clear()
  }

  /** What the condition comes to now. */
  judge(condition: Condition): Verdict {
    if ('absent' in condition) {
      const isThere = (this.#samples.get(condition.absent)?.length ?? 0) > 0
      const one = new Map([[labelsKey({}), { labels: {}, value: 1 }]])
      return { due: isThere ? new Map() : one, measured: new Set([labelsKey({})]) }
    }
    const { values, due } = this.#compare(condition)
    for (const each of condition.and ?? []) {
      const others = new Set(
        [...this.#compare(each).due.values()].map(({ labels }) => labelsKey(omit(labels, each.ignoring))),
      )
      for (const [key, { labels }] of due) if (!others.has(labelsKey(omit(labels, each.ignoring)))) due.delete(key)
    }
    return { due, measured: new Set(values.keys()) }
  }

  #compare({ of, per, perIgnoring, is, than }: Comparison): { values: Values; due: Values } {
    const values: Values =
      per === undefined
        ? this.#term(of)
        : divide(
            this.#term(of),
            per.map((each) => this.#term(each)),
            perIgnoring,
          )
    const limit = limitOf(than, this.#thresholds)
    return { values, due: new Map([...values].filter(([, { value }]) => COMPARE[is](value, limit))) }
  }

  #term({ metric, where, whereNot, increaseS, age, take, without }: Term): Values {
    const values: Values = new Map()
    for (const { labels, value } of this.#numbers(metric, increaseS)) {
      if (!fits(labels, where, true) || !fits(labels, whereNot, false)) continue
      const number = age === true ? this.#now / 1000 - value : value
      const kept = take === undefined ? labels : omit(labels, without)
      const key = labelsKey(kept)
      const before = values.get(key)?.value
      values.set(key, {
        labels: kept,
        value: before === undefined || take === undefined ? number : TAKE[take](before, number),
      })
    }
    return values
  }

  *#numbers(metric: string, increaseS: number | undefined): Iterable<Measured> {
    if (increaseS === undefined) return yield* this.#samples.get(metric) ?? []
    for (const { labels, points } of this.#windows.get(metric)?.series() ?? []) {
      const value = increase(points, this.#now, increaseS * 1000)
      if (value !== undefined) yield { labels, value }
    }
  }
}

const COMPARE: Readonly<Record<Comparison['is'], (value: number, limit: number) => boolean>> = {
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '==': (value, limit) => value === limit,
}

const TAKE: Readonly<Record<NonNullable<Term['take']>, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
}

function divide(values: Values, divisors: readonly Values[], ignoring: readonly string[] | undefined): Values {
  const shares: Values = new Map()
  for (const [key, { labels, value }] of values) {
    const other = labelsKey(omit(labels, ignoring))
    const parts = divisors.map((each) => each.get(other)?.value)
    if (parts.some((part) => part === undefined)) continue
    shares.set(key, { labels, value: value / (parts as number[]).reduce((a, b) => a + b, 0) })
  }
  return shares
}

function countersOf(condition: Condition): readonly string[] {
  if ('absent' in condition) return []
  const comparisons = [condition, ...(condition.and ?? [])]
  return comparisons
    .flatMap(({ of, per = [] }) => [of, ...per])
    .filter(({ increaseS }) => increaseS !== undefined)
    .map(({ metric }) => metric)
}

function fits(labels: Labels, matchers: Matchers | undefined, wanted: boolean): boolean {
  return Object.entries(matchers ?? {}).every(([name, value]) => [value].flat().includes(labels[name] ?? '') === wanted)
}

/** Without labels that are empty: an empty one and none are the same. */
function tidy(labels: Labels): Labels {
  return Object.values(labels).includes('')
    ? Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
    : labels
}

function omit(labels: Labels, names: readonly string[] | undefined): Labels {
  if (names === undefined) return labels
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)))
}
