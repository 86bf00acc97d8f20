import { FleetError } from '../errors.js'
import type { SweepSession } from './session.js'
import { readColumn, type VectorColumn } from './vector-column.js'

/** Vectors to search for, as they were given or from a table's only column of vectors, as text; undefined when neither is. Errors: INPUT_INVALID. */
export async function readQueries(
  session: SweepSession,
  column: VectorColumn,
  source: { readonly vectors: readonly (readonly number[])[] } | { readonly table: string } | undefined,
  queriesMax: number,
): Promise<string[] | undefined> {
  if (source === undefined) return undefined
  if ('vectors' in source) {
    const wrong = source.vectors.findIndex((vector) => vector.length !== column.dimensions)
    if (wrong >= 0) {
      throw invalid(
        `queries[${wrong}]`,
        `has ${source.vectors[wrong]?.length} dimensions; ${column.table}.${column.column} has ${column.dimensions}`,
      )
    }
    if (source.vectors.length === 0) throw invalid('queries', 'holds no vector')
    return source.vectors.slice(0, queriesMax).map((vector) => `[${vector.join(',')}]`)
  }
  const from = await readColumn(session, { table: source.table, metric: column.metric })
  if (from.dimensions !== column.dimensions) {
    throw invalid('queries', `${from.table} has vectors of ${from.dimensions} dimensions, not ${column.dimensions}`)
  }
  // pgfleet-lint ignore order-by-random: once for a sweep, and any rows of it shall do
  const rows = await session.query<{ vector: string }>(
    `select t.${from.column}::text as vector from ${from.table} t where t.${from.column} is not null order by random() limit $1::integer`,
    [queriesMax],
  )
  if (rows.length === 0) throw invalid('queries', `${from.table} holds no vector that this login sees`)
  return rows.map(({ vector }) => vector)
}

function invalid(field: string, message: string): FleetError {
  return new FleetError('INPUT_INVALID', { message: `${field}: ${message}`, field })
}
