/** What a series can do: a `counter` only grows until it is reset, a `gauge` goes anywhere. */
export type MetricType = 'gauge' | 'counter'

/** All series of one name. */
export interface MetricFamily {
  /** The metric's name, never renamed. */
  readonly name: string
  readonly type: MetricType
  /** What it says; where the name says something else, that too. */
  readonly help: string
  /** The names of the labels that each of its series has. */
  readonly labels: readonly string[]
}

/** Families that are read from the same rows: by column. */
export type MetricGroup<Column extends string = string> = Readonly<Record<Column, MetricFamily>>

/** Type and help of a family. */
export type Described = Pick<MetricFamily, 'type' | 'help'>

/** A value that goes anywhere. */
export const gauge = (help: string): Described => ({ type: 'gauge', help })

/** A total that grows until the server or its statistics start anew. */
export const counter = (help: string): Described => ({ type: 'counter', help })

/**
 * Declares families that share a prefix and labels, each by the rest of its name, which is also the column of the rows
 * that it is read from.
 */
export function group<Column extends string>(
  prefix: string,
  labels: readonly string[],
  described: Readonly<Record<Column, Described>>,
): MetricGroup<Column> {
  const entries = Object.entries<Described>(described).map(([column, { type, help }]) => [
    column,
    Object.freeze({ name: `${prefix}${column}`, type, help, labels }),
  ])
  return Object.freeze(Object.fromEntries(entries))
}
