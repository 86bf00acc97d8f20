/** A measured pair: candidates that a search looked at, and the share of the nearest that it found. */
export interface Effort {
  readonly efSearch: number
  readonly recall: number
}

/** By how much more rows raise the candidates that the same recall takes, as the exponent of the growth, where it cannot be measured. */
const EXPONENT_ASSUMED = 1 / 3
/** Two sizes of a sample cannot show more than this. */
const EXPONENT_MAX = 1
/** The most that pgvector takes. */
const EF_SEARCH_MAX = 1000

/**
 * The candidates at which a recall is reached, between two that were measured by a line over their logarithm: rounded up. Null when none
 * of them reaches it. `isFirst` when the fewest do already, so that fewer may.
 */
export function effortFor(efforts: readonly Effort[], recall: number): { efSearch: number; isFirst: boolean } | null {
  const rising = [...efforts].sort((a, b) => a.efSearch - b.efSearch)
  const place = rising.findIndex((effort) => effort.recall >= recall)
  const reached = rising[place]
  if (reached === undefined) return null
  const before = rising[place - 1]
  if (before === undefined) return { efSearch: reached.efSearch, isFirst: true }
  const part = (recall - before.recall) / (reached.recall - before.recall)
  const log = Math.log(before.efSearch) + part * (Math.log(reached.efSearch) - Math.log(before.efSearch))
  return { efSearch: Math.min(reached.efSearch, Math.ceil(Math.exp(log) - 1e-9)), isFirst: false }
}

/** The candidates that a recall takes among more rows than were measured. */
export interface Extrapolation {
  /** Rows of the whole table. */
  readonly rows: number
  /** Of the index that was chosen, on the sample and on its quarter; null where not measured. */
  readonly measured: readonly { readonly rows: number; readonly efSearch: number | null }[]
  /** Candidates grow as the rows to this power. */
  readonly exponent: number
  /** The exponent was taken as a cube root: the quarter was not measured, or reached the recall with the fewest. */
  readonly assumed: boolean
  /** What the whole table is expected to take: 1000 at most. */
  readonly efSearch: number
  /** It would take more than pgvector allows. */
  readonly capped: boolean
}

/**
 * Works out what the same recall takes among all rows, from the sample and a quarter of it. It is an estimate: the farther it reaches,
 * the less it is worth.
 */
export function extrapolate(
  sample: { readonly rows: number; readonly efSearch: number },
  quarter: { readonly rows: number; readonly efSearch: number; readonly isFirst: boolean } | null,
  rows: number,
): Extrapolation {
  const isUseful = quarter !== null && !quarter.isFirst && quarter.rows < sample.rows
  const measured = isUseful
    ? Math.log(sample.efSearch / quarter.efSearch) / Math.log(sample.rows / quarter.rows)
    : EXPONENT_ASSUMED
  const exponent = Math.min(EXPONENT_MAX, Math.max(0, measured))
  const needed = Math.ceil(sample.efSearch * Math.max(1, rows / sample.rows) ** exponent - 1e-9)
  return {
    rows,
    measured: [
      { rows: quarter?.rows ?? Math.round(sample.rows / 4), efSearch: quarter?.efSearch ?? null },
      { rows: sample.rows, efSearch: sample.efSearch },
    ],
    exponent,
    assumed: !isUseful,
    efSearch: Math.min(EF_SEARCH_MAX, needed),
    capped: needed > EF_SEARCH_MAX,
  }
}
