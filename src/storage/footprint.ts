import type { Widths } from './row-size.js'
import type { Workload } from './workload.js'

/** The part of the database that a table belongs to. */
export type Store = 'learning' | 'memory' | 'delivery' | 'metadata'

/** What a workload does to a table: how many rows come, and how wide they are. */
export interface Footprint {
  readonly store: Store
  /** The table, with its schema. */
  readonly table: string
  /** Rows that are there whatever the horizon. */
  readonly standing?: (workload: Workload) => number
  /** Rows that are added a day; they are kept as long as the table's retention says, else for good. */
  readonly daily?: (workload: Workload) => number
  /** Rows that are changed in place a day. */
  readonly updated?: (workload: Workload) => number
  /** Bytes of what varies in width. */
  readonly widths: (workload: Workload) => Widths
  /** Columns whose values come in no order: hashes, names. @default none */
  readonly scattered?: readonly string[]
  /** Columns of a few values that come in turn (kinds, agents, series), with the number of values. @default none */
  readonly grouped?: (workload: Workload) => Readonly<Record<string, number>>
  /** Rows that share a value, by column: those of a statement share its transaction. @default none */
  readonly repeated?: (workload: Workload) => Readonly<Record<string, number>>
  /** The part of the rows that a partial index holds, by what its name ends with; indexes that are not named hold none. @default none */
  readonly partial?: Readonly<Record<string, number>>
  /**
   * What pg_dump's compressed archive is taken to have of the table's bytes. An assumption on the safe side: rows of the demo, which
   * repeat a lot, shrink to a twentieth; random ids, vectors and what is compressed already hardly.
   * @default 0.3
   */
  readonly dumpShare?: number
}
