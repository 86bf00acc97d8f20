import type { ThresholdName, Thresholds } from '../../doctor/thresholds.js'

/** Labels with one of these values. */
export type Matchers = Readonly<Record<string, string | readonly string[]>>

/** Numbers by their labels: the samples of a metric, or what is made of them. */
export interface Term {
  /** The name of the metric. */
  readonly metric: string
  /** Only samples with these labels. @default all */
  readonly where?: Matchers
  /** None of the samples with these labels. @default none are left out */
  readonly whereNot?: Matchers
  /** By how much the counter grew in the last so many seconds; a reset counts from zero. */
  readonly increaseS?: number
  /** The metric is a time, in seconds since 1970: how long ago it is. */
  readonly age?: true
  /** Makes one number of those that are equal but for the labels of `without`. */
  readonly take?: 'sum' | 'max' | 'min'
  /** The labels that `take` drops. */
  readonly without?: readonly string[]
}

/** A number to compare with: a threshold of the doctor in the unit of the metric, or one that has no other home. */
export type Limit = { readonly threshold: ThresholdName; readonly times?: number } | { readonly value: number }

/** Numbers that are compared with a limit. */
export interface Comparison {
  readonly of: Term
  /** Divides by the sum of these. @default it is compared as it is */
  readonly per?: readonly Term[]
  /** Labels of `of` that `per` does not have. @default both have the same */
  readonly perIgnoring?: readonly string[]
  readonly is: '>' | '>=' | '<' | '<=' | '=='
  readonly than: Limit
}

/** When an alert is due: for each set of labels for which all comparisons hold; or when a metric has no sample at all. */
export type Condition =
  | (Comparison & {
      /** What has to hold as well, for the same labels but for those of `ignoring`. */
      readonly and?: readonly (Comparison & { readonly ignoring?: readonly string[] })[]
    })
  | { readonly absent: string }

/** The number of a limit. */
export function limitOf(limit: Limit, thresholds: Thresholds): number {
  return 'value' in limit ? limit.value : thresholds[limit.threshold] * (limit.times ?? 1)
}

/** Every comparison of a condition, in its order. */
export function comparisonsOf(condition: Condition): readonly Comparison[] {
  return 'absent' in condition ? [] : [condition, ...(condition.and ?? [])]
}

/** Every term of a condition. */
export function termsOf(condition: Condition): readonly Term[] {
  if ('absent' in condition) return [{ metric: condition.absent }]
  return comparisonsOf(condition).flatMap(({ of, per = [] }) => [of, ...per])
}

/** The longest time that a condition looks back, in seconds; 0 when it needs the present alone. */
export function windowOf(condition: Condition): number {
  return Math.max(0, ...termsOf(condition).map(({ increaseS = 0 }) => increaseS))
}
