import { buildMemory, type Candidate } from './candidate.js'
import { METRICS } from './metric.js'
import type { SweepSession } from './session.js'
import type { VectorColumn } from './vector-column.js'

/** An index that was built on the sample. */
export interface Build extends Candidate {
  readonly seconds: number
  readonly bytes: number
  /** Vectors after which its graph no longer fitted into maintenance_work_mem, and it went on slowly; null when all did. */
  readonly spilledAfter: number | null
}

/** Least memory of a build, in bytes. */
const MEMORY_MIN = 64 * 1024 * 1024

/**
 * Builds the index of a candidate on the sample, with as much maintenance_work_mem as its graph takes, up to a limit. One process builds:
 * a temporary table has no other.
 */
export async function buildIndex(
  session: SweepSession,
  column: VectorColumn,
  candidate: Candidate,
  rows: number,
  memoryBytes: number,
): Promise<Build> {
  const needed = Math.max(MEMORY_MIN, buildMemory(candidate, column.dimensions, rows))
  await session.set('maintenance_work_mem', `${Math.floor(Math.min(needed, memoryBytes) / 1024)}kB`)
  await dropIndex(session)
  session.notices()
  const startedAt = performance.now()
  const { m, efConstruction } = candidate
  await session.query(
    `create index pgfleet_sweep_index on pgfleet_sweep_rows using hnsw (${indexTerm(column, candidate, 'v')}) with (m = ${m}, ef_construction = ${efConstruction})`,
  )
  const seconds = (performance.now() - startedAt) / 1000
  const spilled = session.notices().find((notice) => /no longer fits into maintenance_work_mem/.test(notice))
  const [size] = await session.query<{ bytes: string }>(
    `select pg_relation_size('pg_temp.pgfleet_sweep_index') as bytes`,
  )
  return {
    ...candidate,
    seconds,
    bytes: Number(size?.bytes ?? 0),
    spilledAfter: spilled === undefined ? null : Number(/(\d+) tuples/.exec(spilled)?.[1] ?? 0),
  }
}

/** Removes the index of the sample, if there is one. */
export async function dropIndex(session: SweepSession): Promise<void> {
  await session.query('drop index if exists pg_temp.pgfleet_sweep_index')
}

/** What an index of a type is made of: a column with its operator class, cast to halfvec where the column is none. */
export function indexTerm(column: VectorColumn, { type }: Pick<Candidate, 'type'>, name: string): string {
  const { schema } = column.pgvector
  const { ending } = METRICS[column.metric]
  const operatorClass = `${schema}.${type}_${ending}`
  return type === column.type
    ? `${name} ${operatorClass}`
    : `(${name}::${schema}.halfvec(${column.dimensions})) ${operatorClass}`
}
