import { createLatencyHistogram } from '../bench/histogram.js'
import type { Candidate } from './candidate.js'
import { METRICS } from './metric.js'
import { distanceTo } from './sample.js'
import type { SweepSession } from './session.js'
import type { SampledSlice } from './slice.js'
import type { VectorColumn } from './vector-column.js'

/** Whether the index is scanned on and on until enough rows meet the filter, and in which order they then come. */
export type IterativeScan = 'off' | 'relaxed_order' | 'strict_order'

/** What searches of one kind did. */
export interface Measure {
  /** The mean share of the k nearest that a search found, 0 to 1. */
  readonly recall: number
  /** Half the width of the 95 % confidence interval of the mean. */
  readonly recallWithin: number
  /** Latencies of a search, in milliseconds, from here. */
  readonly p50: number
  readonly p95: number
  /** Searches that returned fewer rows than there were to find. */
  readonly short: number
}

/** A vector to search for, with what there is to find. */
export interface Query {
  readonly vector: string
  /** The distance of the farthest of the k nearest. */
  readonly farthest: number
  /** How many there are: k, or all rows of a smaller slice. */
  readonly nearest: number
}

/** Distances that differ by less are the same: they were computed from the same numbers in another order. */
const TOLERANCE = 1e-7
/** So many searches before those that count. */
const WARM_UP = 5

/**
 * Compares the queries of a slice with all rows of it, one by one. Nothing is indexed yet, so this is the truth that recall is measured
 * against, and what a search costs without an index.
 */
export async function compareExactly(
  session: SweepSession,
  column: VectorColumn,
  slice: SampledSlice,
  place: number,
  k: number,
): Promise<{ queries: Query[]; p50: number; p95: number }> {
  const { schema } = column.pgvector
  const rows = await session.query<{ vector: string }>(
    'select q.v::text as vector from pgfleet_sweep_queries q where q.slice = $1::integer order by q.place',
    [place],
  )
  const distance = distanceTo(column, `$1::${schema}.${column.type}`)
  const text = `select ${distance}::float8 as d from pgfleet_sweep_rows r where ${slice.condition} order by ${distance} limit ${k}`
  const histogram = createLatencyHistogram()
  try {
    const queries: Query[] = []
    for (const { vector } of rows) {
      const startedAt = performance.now()
      const found = await session.search<{ d: number }>(`exact_${place}_${slice.rows}`, text, [vector])
      histogram.record(performance.now() - startedAt)
      queries.push({ vector, farthest: Math.max(...found.map(({ d }) => d)), nearest: found.length })
    }
    const { p50, p95 } = histogram.latencies() ?? { p50: 0, p95: 0 }
    return { queries, p50, p95 }
  } finally {
    histogram.release()
  }
}

/** The statement of a search in the index of a candidate, as an application would write it; `$1` is the vector. */
export function searchStatement(
  column: VectorColumn,
  candidate: Pick<Candidate, 'type'>,
  condition: string,
  k: number,
): string {
  const { schema } = column.pgvector
  const given = `$1::${schema}.${column.type}`
  const operator = `operator(${schema}.${METRICS[column.metric].operator})`
  const narrow = `${schema}.halfvec(${column.dimensions})`
  const order =
    candidate.type === column.type ? `r.v ${operator} ${given}` : `(r.v::${narrow}) ${operator} (${given}::${narrow})`
  return `select ${distanceTo(column, given)}::float8 as d from pgfleet_sweep_rows r where ${condition} order by ${order} limit ${k}`
}

/**
 * Searches for each query, one after the other; `search` returns the distances of what it found. Of several passes the latencies are those of
 * the least disturbed one.
 */
export async function measureSearches(
  queries: readonly Query[],
  search: (vector: string) => Promise<readonly { d: number }[]>,
  passes = 1,
): Promise<Measure> {
  for (const { vector } of queries.slice(0, WARM_UP)) await search(vector)
  const first = await pass(queries, search)
  let { p50, p95 } = first
  for (let more = 1; more < passes; more++) {
    const again = await pass(queries, search)
    if (again.p50 < p50) ({ p50, p95 } = again)
  }
  return { ...first, p50, p95 }
}

async function pass(
  queries: readonly Query[],
  search: (vector: string) => Promise<readonly { d: number }[]>,
): Promise<Measure> {
  const histogram = createLatencyHistogram()
  try {
    const recalls: number[] = []
    let short = 0
    for (const { vector, farthest, nearest } of queries) {
      const startedAt = performance.now()
      const found = await search(vector)
      histogram.record(performance.now() - startedAt)
      const most = farthest + TOLERANCE * Math.max(1, Math.abs(farthest))
      recalls.push(Math.min(1, found.filter(({ d }) => d <= most).length / Math.max(1, nearest)))
      if (found.length < nearest) short++
    }
    const { p50, p95 } = histogram.latencies() ?? { p50: 0, p95: 0 }
    return { ...meanOf(recalls), p50, p95, short }
  } finally {
    histogram.release()
  }
}

function meanOf(recalls: readonly number[]): Pick<Measure, 'recall' | 'recallWithin'> {
  const n = Math.max(1, recalls.length)
  const recall = recalls.reduce((sum, one) => sum + one, 0) / n
  const variance = recalls.reduce((sum, one) => sum + (one - recall) ** 2, 0) / Math.max(1, n - 1)
  return { recall, recallWithin: 1.96 * Math.sqrt(variance / n) }
}
