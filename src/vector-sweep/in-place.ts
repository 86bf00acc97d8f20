import type { Budget } from './budget.js'
import { METRICS } from './metric.js'
import { lengthOf } from './sample.js'
import { type Measure, measureSearches, type Query } from './search-measure.js'
import type { SweepSession } from './session.js'
import type { VectorColumn } from './vector-column.js'

/** What the index that is there does on the table itself. */
export interface InPlace {
  readonly index: string
  readonly queries: number
  /** Comparing all rows of the table, one by one: the mean of a search, in milliseconds. */
  readonly exactMs: number
  readonly points: readonly (Measure & { readonly efSearch: number })[]
}

/** Fewest searches that tell anything. */
const QUERIES_MIN = 10
/** The part of the time left that comparing exactly may take. */
const EXACT_SHARE = 0.5

/**
 * Searches the table's own index for rows of the table, against the exact order of the same rows: one repeatable-read transaction, which is
 * rolled back. Nothing is built or written; rows that die meanwhile can be vacuumed only when it has ended. The note says why nothing, or
 * less, was measured.
 */
export async function measureInPlace(
  session: SweepSession,
  column: VectorColumn,
  { k, queriesMax, efforts, budget }: { k: number; queriesMax: number; efforts: readonly number[]; budget: Budget },
): Promise<{ inPlace: InPlace | null; note?: string }> {
  const index = column.indexes.find(({ method, partial }) => method === 'hnsw' && !partial)
  if (index === undefined) return { inPlace: null, note: 'The table has no HNSW index of its own to measure in place.' }
  const { schema } = column.pgvector
  const operator = `operator(${schema}.${METRICS[column.metric].operator})`
  const given = `$1::${schema}.${column.type}`
  const distance = `(t.${column.column} ${operator} ${given})`
  const narrow = `${schema}.halfvec(${column.dimensions})`
  const order =
    index.type === column.type ? distance : `(t.${column.column}::${narrow}) ${operator} (${given}::${narrow})`
  // The row itself is no answer to its own question.
  const text = (by: string) =>
    `select ${distance}::float8 as d from ${column.table} t where t.ctid <> $2::tid and t.${column.column} is not null order by ${by} limit ${k}`
  await session.query('begin isolation level repeatable read read only')
  try {
    const share = Math.min(100, (100 * Math.max(5000, 50 * queriesMax)) / Math.max(1, column.rows))
    const hasDirection = column.metric === 'cosine' ? `and ${lengthOf(column, `t.${column.column}`)} > 0` : ''
    const drawn = await session.query<{ vector: string; place: string }>(
      `select t.${column.column}::text as vector, t.ctid::text as place from ${column.table} t tablesample system (${share.toFixed(6)})
      where t.${column.column} is not null ${hasDirection} order by random() limit $1::integer`,
      [queriesMax],
    )
    const places = new Map(drawn.map(({ vector, place }) => [vector, place]))
    await session.set('enable_seqscan', 'on')
    const startedAt = performance.now()
    const until = budget.leftMs() * (1 - EXACT_SHARE)
    const queries: Query[] = []
    for (const { vector, place } of drawn) {
      if (budget.leftMs() < until) break
      const found = await session.search<{ d: number }>('in_place_exact', text(`${distance} + 0`), [vector, place])
      queries.push({ vector, farthest: Math.max(...found.map(({ d }) => d)), nearest: found.length })
    }
    const exactMs = (performance.now() - startedAt) / Math.max(1, queries.length)
    if (queries.length < QUERIES_MIN) {
      return {
        inPlace: null,
        note: `The table was not measured in place: comparing it exactly took ${exactMs.toFixed(0)} ms a search, so the time was enough for ${queries.length}.`,
      }
    }
    await session.set('enable_seqscan', 'off')
    // Else another index may be read whole, and sorted.
    await session.set('enable_sort', 'off')
    const [sample] = drawn
    const plan = await session.query<{ 'QUERY PLAN': unknown }>(`explain (format json) ${text(order)}`, [
      sample?.vector,
      sample?.place,
    ])
    const used = /"Index Name": ?"((?:[^"\\]|\\.)*)"/.exec(JSON.stringify(plan))?.[1]
    if (
      used === undefined ||
      (!index.name.endsWith(used.replaceAll('\\"', '""')) && !index.name.endsWith(`${used}"`))
    ) {
      return {
        inPlace: null,
        note: `The table was not measured in place: the server does not search it by ${index.name}${used === undefined ? '' : `, but by ${used}`}.`,
      }
    }
    const points: (Measure & { efSearch: number })[] = []
    for (const efSearch of efforts) {
      if (budget.isSpent()) break
      // One candidate more for the row itself, which is dropped.
      await session.set('hnsw.ef_search', Math.min(1000, efSearch + 1))
      const measure = await measureSearches(queries, (vector) =>
        session.search<{ d: number }>('in_place_search', text(order), [vector, places.get(vector)]),
      )
      points.push({ ...measure, efSearch })
    }
    return { inPlace: { index: index.name, queries: queries.length, exactMs, points } }
  } finally {
    // Its settings go with it.
    await session.query('rollback').catch(() => {})
  }
}
