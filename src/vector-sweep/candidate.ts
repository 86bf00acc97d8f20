import { type ElementType, INDEXED_MAX, type VectorColumn } from './vector-column.js'

/** An index that is tried. */
export interface Candidate {
  readonly type: ElementType
  /** Links of a vector in a layer. */
  readonly m: number
  /** Candidates looked at while a vector is inserted. */
  readonly efConstruction: number
  /** The table has it already. */
  readonly existing: boolean
}

/** Settings of an index, whatever its type. */
export type BuildSettings = Pick<Candidate, 'm' | 'efConstruction'>

/** What is tried unless told otherwise, the likeliest first: a budget may end before the last. */
export const BUILDS: readonly BuildSettings[] = [
  { m: 16, efConstruction: 64 },
  { m: 16, efConstruction: 128 },
  { m: 8, efConstruction: 64 },
  { m: 24, efConstruction: 200 },
]

/**
 * What is tried on a column, in this order: as its index is, then each setting in each type that can be indexed. `only` keeps to one
 * type.
 */
export function candidatesOf(column: VectorColumn, builds: readonly BuildSettings[], only?: ElementType): Candidate[] {
  const types: ElementType[] = []
  if (column.type === 'vector' && column.dimensions <= INDEXED_MAX.vector) types.push('vector')
  if (column.pgvector.halfvec) types.push('halfvec')
  const existing = column.indexes.find(({ method }) => method === 'hnsw')
  const tried: Candidate[] = existing === undefined ? [] : [{ ...pick(existing), existing: true }]
  for (const { m, efConstruction } of builds) {
    for (const type of types.filter((each) => only === undefined || each === only)) {
      const isThere = tried.some((one) => one.type === type && one.m === m && one.efConstruction === efConstruction)
      if (!isThere) tried.push({ type, m, efConstruction, existing: false })
    }
  }
  return tried
}

const pick = ({ type, m, efConstruction }: Omit<Candidate, 'existing'>) => ({ type, m, efConstruction })

/** A candidate in words: `halfvec, m 16, ef_construction 64`. */
export function describeCandidate({ type, m, efConstruction, existing }: Candidate): string {
  return `${type}, m ${m}, ef_construction ${efConstruction}${existing ? ' (as it is)' : ''}`
}

/**
 * Memory that building an index of so many vectors takes, in bytes, with room to spare: each with its components, its place in
 * the graph, and its links with their distances.
 */
export function buildMemory({ type, m }: Pick<Candidate, 'type' | 'm'>, dimensions: number, rows: number): number {
  const components = dimensions * (type === 'vector' ? 4 : 2)
  return Math.ceil(1.2 * rows * (components + 300 + 2.5 * m * 24) + 16 * 1024 * 1024)
}
