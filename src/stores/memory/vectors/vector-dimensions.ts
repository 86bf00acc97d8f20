import { z } from 'zod'
import type { Database } from '../../../database/database.js'
import { toFleetError } from '../../../database/failure.js'
import { type Statement, statement } from '../../../database/statement.js'
import { check } from '../../../input.js'
import { dimensions } from './vector-key.js'

/** A dimension that vectors may have, with its index. */
export interface VectorDimension {
  readonly dimensions: number
  /** `vector`: 4 bytes a component. `halfvec`, above 2000 dimensions: 2 bytes. */
  readonly elementType: 'vector' | 'halfvec'
  readonly m: number
  readonly efConstruction: number
  /** Candidates of a search by its accuracy. */
  readonly efSearch: { readonly fast: number; readonly balanced: number }
  /** Rows of all tenants, as last estimated by ANALYZE or VACUUM; -1 before the first. */
  readonly rows: number
  /** Table with what lies out of line, indexes aside. */
  readonly tableBytes: number
  readonly indexBytes: number
}

/** How the index of a dimension is built. */
export interface IndexSettings {
  /** Links of a vector in a layer, 2 to 100: more cost space and time, and find more. @default 16 */
  readonly m?: number
  /** Candidates looked at while a vector is inserted, 2 m to 1000. @default 128 */
  readonly efConstruction?: number
}

/** The dimensions that vectors may have, for all tenants. Needs a login that may act as pgfleet_owner; others may list. */
export interface VectorDimensions {
  list(): Promise<VectorDimension[]>
  /** Makes table, indexes and policies of another dimension, 1 to 4000; false when it was there. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  add(dimensions: number, settings?: IndexSettings): Promise<boolean>
  /**
   * Builds the index anew, with other settings where given. Searches go on meanwhile, writers of that dimension wait; allow
   * a minute or more for 100,000 vectors, an hour at most. `memoryMb`: what the build may use. @default memoryMb 1024
   * Errors: INPUT_INVALID, VECTOR_DIMENSION_UNKNOWN, PERMISSION_DENIED.
   */
  rebuild(dimensions: number, settings?: IndexSettings & { readonly memoryMb?: number }): Promise<void>
  /** Sets the candidates of searches, 1 to 1000. Errors: as `rebuild`. */
  setSearch(dimensions: number, efSearch: { readonly fast: number; readonly balanced: number }): Promise<void>
  /** The version of pgvector, and what is known to be wrong with it. */
  extension(): Promise<{ readonly version: string; readonly notes: readonly string[] }>
}

const LIST = statement<{
  dimensions: number
  element_type: 'vector' | 'halfvec'
  m: number
  ef_construction: number
  ef_search_fast: number
  ef_search_balanced: number
  rows: number
  table_bytes: number
  index_bytes: number
}>(
  'memory.list_vector_dimensions',
  `select d.dimensions, d.element_type, d.m, d.ef_construction, d.ef_search_fast, d.ef_search_balanced,
    c.reltuples::bigint as rows, pg_table_size(c.oid) as table_bytes,
    coalesce(pg_relation_size(to_regclass(format('memory.vectors_%s_embedding', d.dimensions))), 0) as index_bytes
  from memory.vector_dimensions d
  join pg_class c on c.oid = to_regclass(format('memory.vectors_%s', d.dimensions))
  order by d.dimensions`,
)
const ADD = statement<{ added: boolean }>(
  'memory.add_vector_dimension',
  'select memory.add_vector_dimension($1::integer, $2::integer, $3::integer) as added',
)
const REBUILD = statement<unknown>(
  'memory.build_vector_index',
  'select memory.build_vector_index($1::integer, $2::integer, $3::integer, $4::integer)',
)
const SET_SEARCH = statement<unknown>(
  'memory.set_vector_search',
  'select memory.set_vector_search($1::integer, $2::integer, $3::integer)',
)
const EXTENSION = statement<{ version: string }>(
  'memory.vector_extension',
  `select e.extversion as version from pg_extension e where e.extname = 'vector'`,
)

export const VECTOR_DIMENSION_STATEMENTS: readonly Statement<unknown>[] = [LIST, ADD, REBUILD, SET_SEARCH, EXTENSION]

/** What is known to be wrong with pgvector before a version, and what follows. */
const DEFECTS: readonly { readonly before: readonly [number, number, number]; readonly note: string }[] = [
  {
    before: [0, 8, 0],
    note: 'has no iterative index scans, without which filtered searches come back short: upgrade to 0.8 or newer',
  },
  {
    before: [0, 8, 2],
    note: 'may read or write past a buffer while several workers build an HNSW index (CVE-2026-3172): indexes are built by one',
  },
  {
    before: [0, 8, 3],
    note: 'may damage an HNSW index while vacuuming it: upgrade to 0.8.4 or newer, then `pgfleet vectors rebuild` each dimension',
  },
  { before: [0, 8, 4], note: 'may fail an insert while its HNSW index is vacuumed: upgrade to 0.8.4 or newer' },
]

/** What is known to be wrong with a version of pgvector, in words. */
export function notesOn(version: string): string[] {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  const isBefore = (limit: readonly number[]) => {
    const place = limit.findIndex((part, i) => part !== (parts[i] ?? 0))
    return place >= 0 && (parts[place] ?? 0) < (limit[place] as number)
  }
  return DEFECTS.filter(({ before }) => isBefore(before)).map(({ note }) => `pgvector ${version} ${note}`)
}

/** Longest time for building an index, in milliseconds. */
const BUILD_MS = 3_600_000
const settings = { m: z.int().min(2).max(100).optional(), efConstruction: z.int().min(4).max(1000).optional() }

export function createVectorDimensions(database: Database): VectorDimensions {
  const asOwner = async (work: Statement<unknown>, values: readonly unknown[]) =>
    await database.lend(async (connection) => {
      try {
        await connection.query('begin')
        await connection.query('set local role pgfleet_owner')
        const { rows } = await connection.query({
          text: work.text,
          values: [...values],
          query_timeout: BUILD_MS,
        } as { text: string; values: unknown[] })
        await connection.query('commit')
        return rows as unknown[]
      } catch (error) {
        throw toFleetError(error, true)
      } finally {
        // Harmless after a commit.
        await connection.query('rollback').catch(() => {})
      }
    })
  return {
    async list() {
      const rows = await database.run(LIST, [], { idempotent: true })
      return rows.map((row) => ({
        dimensions: row.dimensions,
        elementType: row.element_type,
        m: row.m,
        efConstruction: row.ef_construction,
        efSearch: { fast: row.ef_search_fast, balanced: row.ef_search_balanced },
        rows: row.rows,
        tableBytes: row.table_bytes,
        indexBytes: row.index_bytes,
      }))
    },
    async add(count, options = {}) {
      const size = check('dimensions', dimensions, count)
      const { m = 16, efConstruction = 128 } = check('settings', z.strictObject(settings), options)
      const [row] = await asOwner(ADD, [size, m, Math.max(efConstruction, 2 * m)])
      return (row as { added: boolean }).added
    },
    async rebuild(count, options = {}) {
      const size = check('dimensions', dimensions, count)
      const shape = z.strictObject({ ...settings, memoryMb: z.int().min(1).max(1_000_000).default(1024) })
      const { m, efConstruction, memoryMb } = check('settings', shape, options)
      await asOwner(REBUILD, [size, m ?? null, efConstruction ?? null, memoryMb])
    },
    async setSearch(count, efSearch) {
      const size = check('dimensions', dimensions, count)
      const ef = z.int().min(1).max(1000)
      const { fast, balanced } = check('efSearch', z.strictObject({ fast: ef, balanced: ef }), efSearch)
      await asOwner(SET_SEARCH, [size, fast, balanced])
    },
    async extension() {
      const rows = await database.run(EXTENSION, [], { idempotent: true })
      const version = rows[0]?.version ?? '0'
      return { version, notes: notesOn(version) }
    },
  }
}
