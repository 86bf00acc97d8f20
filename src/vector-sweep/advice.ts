import { buildMemory } from './candidate.js'
import type { SweepPoint } from './choice.js'
import { indexTerm } from './index-build.js'
import type { IterativeScan } from './search-measure.js'
import type { SlicePoint, VectorSweep } from './sweep.js'
import type { ExistingIndex } from './vector-column.js'

/** What to do for the wanted recall. */
export interface SweepAdvice {
  /** The index that is there stays. */
  readonly keep: boolean
  /** Candidates of a search over all rows; worked out where the sample is not the whole table. */
  readonly efSearch: number
  /** What an operator runs; none when the index stays. */
  readonly steps: readonly Step[]
  /** What the application does in each transaction that searches, as lines of SQL. */
  readonly application: readonly string[]
  /** How to search each slice: null where no setting finds enough, so that its rows are best compared one by one. */
  readonly slices: readonly { readonly slice: string; readonly search: SliceSearch | null }[]
}

/** A statement or command with its lock and the way back. */
export interface Step {
  readonly run: readonly string[]
  readonly lock: string
  readonly undo: string
}

/** The quickest search of a slice that finds enough. */
export interface SliceSearch {
  readonly iterativeScan: IterativeScan
  readonly efSearch: number
  readonly recall: number
  readonly p50: number
}

/** The table of the product's own vectors of these dimensions, where it is one. */
const PRODUCT_TABLE = /^memory\.vectors_(\d+)$/
/** Rows for which the product's candidates are given; they grow as the cube root. */
const PRODUCT_ROWS = 100_000
const NAME_MAX = 63
/** What stands before a table's name, quoted where it has to be. */
const SCHEMA = /^("(?:[^"]|"")*"|[^."]+)\./
const BUILD_LOCK = 'share update exclusive on the table: reads and writes go on'

/** Works out what to do by a sweep; null when no setting reaches the recall. */
export function adviseVectors(sweep: VectorSweep): SweepAdvice | null {
  const { choice, column } = sweep
  if (choice === null) return null
  const keep = choice.build.existing
  const efSearch = effortOf(sweep, choice)
  const product = PRODUCT_TABLE.exec(column.table)
  const slices = sweep.slices.filter(({ build }) => build === choice.build)
  return {
    keep,
    efSearch,
    steps: keep ? [] : product === null ? stepsOf(sweep, choice) : productSteps(sweep, choice, Number(product[1])),
    application:
      product === null
        ? applicationOf(sweep, choice, efSearch)
        : productApplication(sweep, efSearch, Number(product[1])),
    slices: [...new Set(slices.map(({ slice }) => slice.name))].map((name) => ({
      slice: name,
      search: quickest(
        slices.filter(({ slice }) => slice.name === name),
        sweep.recall,
      ),
    })),
  }
}

/** What was measured on the table itself is worth more than what a sample says of it. */
function effortOf({ inPlace, recall, extrapolation }: VectorSweep, choice: SweepPoint): number {
  const measured = choice.build.existing ? inPlace?.points.find((point) => point.recall >= recall) : undefined
  return measured?.efSearch ?? Math.max(choice.efSearch, extrapolation?.efSearch ?? 0)
}

function quickest(points: readonly SlicePoint[], recall: number): SliceSearch | null {
  const [best] = points.filter((point) => point.recall >= recall).sort((a, b) => a.p50 - b.p50)
  if (best === undefined) return null
  const { iterativeScan, efSearch, p50 } = best
  return { iterativeScan, efSearch, recall: best.recall, p50 }
}

function stepsOf({ column, sample }: VectorSweep, { build }: SweepPoint): Step[] {
  const existing = column.indexes.find(({ method, partial }) => method === 'hnsw' && !partial)
  const rows = Math.max(sample.tableRows, column.rows)
  const megabytes = Math.ceil(buildMemory(build, column.dimensions, rows) / 1024 / 1024)
  const prepare: Step = {
    run: [
      `set maintenance_work_mem = '${megabytes}MB';`,
      // Parallel builds before 0.8.2 may write past a buffer.
      ...(column.pgvector.notes.some((note) => note.includes('CVE-2026-3172'))
        ? ['set max_parallel_maintenance_workers = 0;']
        : []),
    ],
    lock: 'none; in the session that builds, if the machine has as much to spare',
    undo: 'ends with the session',
  }
  const isPartitioned = column.partitions.length > 0
  if (existing !== undefined && existing.type === build.type && !isPartitioned) {
    return [prepare, ...rebuilt(existing, build)]
  }
  const made = isPartitioned ? partitioned(column, build) : created(column, build)
  const old: Step[] =
    existing === undefined || isPartitioned
      ? []
      : [
          {
            run: [`drop index concurrently ${existing.name};`],
            lock: 'share update exclusive on the table; once the application uses the new one',
            undo: `create index concurrently … with (m = ${existing.m}, ef_construction = ${existing.efConstruction})`,
          },
        ]
  return [prepare, ...made, ...old]
}

function rebuilt(existing: ExistingIndex, { m, efConstruction }: SweepPoint['build']): Step[] {
  return [
    {
      run: [`alter index ${existing.name} set (m = ${m}, ef_construction = ${efConstruction});`],
      lock: 'access exclusive on the index, for a moment; takes effect when it is built anew',
      undo: `alter index ${existing.name} set (m = ${existing.m}, ef_construction = ${existing.efConstruction});`,
    },
    {
      run: [`reindex index concurrently ${existing.name};`],
      lock: BUILD_LOCK,
      undo: `set the old values and reindex again; of a build that failed: drop index concurrently ${existing.name}_ccnew`,
    },
  ]
}

function created(column: VectorSweep['column'], build: SweepPoint['build']): Step[] {
  const name = indexName(column.table, column.column, build)
  return [
    {
      run: [
        `create index concurrently ${name} on ${column.table}`,
        `  using hnsw (${indexTerm(column, build, column.column)}) with (m = ${build.m}, ef_construction = ${build.efConstruction});`,
      ],
      lock: BUILD_LOCK,
      undo: `drop index concurrently ${schemaOf(column.table)}.${name};`,
    },
  ]
}

/** Each partition's index is built on its own: no statement builds all of them concurrently. */
function partitioned(column: VectorSweep['column'], build: SweepPoint['build']): Step[] {
  const settings = `using hnsw (${indexTerm(column, build, column.column)}) with (m = ${build.m}, ef_construction = ${build.efConstruction})`
  const parent = indexName(column.table, column.column, build)
  return [
    {
      run: [`create index ${parent} on only ${column.table} ${settings};`],
      lock: 'share on the parent alone, for a moment',
      undo: `drop index ${schemaOf(column.table)}.${parent};`,
    },
    ...column.partitions.map((partition): Step => {
      const name = indexName(partition, column.column, build)
      return {
        run: [
          `create index concurrently ${name} on ${partition} ${settings};`,
          `alter index ${schemaOf(column.table)}.${parent} attach partition ${schemaOf(partition)}.${name};`,
        ],
        lock: BUILD_LOCK,
        undo: 'with that of the parent',
      }
    }),
  ]
}

function schemaOf(table: string): string {
  return SCHEMA.exec(table)?.[1] ?? 'public'
}

function indexName(table: string, column: string, { type, m, efConstruction }: SweepPoint['build']): string {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9_]+/g, '_')
      .replaceAll(/^_+|_+$/g, '')
  const ending = `_${type}_m${m}_ef${efConstruction}`
  const bare = plain(table.replace(SCHEMA, ''))
  // A name that begins with a digit would need quotes.
  const base = `${/^[0-9]/.test(bare) ? 'v_' : ''}${bare}_${plain(column)}`
  return `${base.slice(0, NAME_MAX - ending.length)}${ending}`
}

function applicationOf({ column, slices, recall, k }: VectorSweep, { build }: SweepPoint, efSearch: number): string[] {
  const ours = slices.filter((point) => point.build === build && point.recall >= recall)
  const [first] = ours.filter(({ iterativeScan }) => iterativeScan !== 'off').sort((a, b) => a.p50 - b.p50)
  const scan = first?.iterativeScan
  // What each slice takes at least by that scan.
  const scanned = ours.filter(({ iterativeScan }) => iterativeScan === scan)
  const efforts = [...new Set(scanned.map(({ slice }) => slice.name))].map((name) =>
    Math.min(...scanned.filter(({ slice }) => slice.name === name).map((point) => point.efSearch)),
  )
  const operator = { cosine: '<=>', l2: '<->', ip: '<#>', l1: '<+>' }[column.metric]
  const narrow = `::halfvec(${column.dimensions})`
  const cast = build.type === column.type ? '' : narrow
  return [
    'begin;',
    `set local hnsw.ef_search = ${efSearch};`,
    ...(scan === undefined
      ? []
      : [
          `set local hnsw.iterative_scan = ${scan};  -- with a tenant or a filter, and there`,
          `set local hnsw.ef_search = ${Math.max(efSearch, ...efforts)};`,
        ]),
    `select … from ${column.table} order by ${column.column}${cast} ${operator} $1${cast} limit ${k};`,
    'commit;',
  ]
}

function productSteps({ column, sample }: VectorSweep, { build }: SweepPoint, dimensions: number): Step[] {
  const existing = column.indexes.find(({ method }) => method === 'hnsw')
  const rows = Math.max(sample.tableRows, column.rows)
  const megabytes = Math.ceil(buildMemory(build, dimensions, rows) / 1024 / 1024)
  return [
    {
      run: [
        `pgfleet vectors rebuild ${dimensions} --m ${build.m} --ef-construction ${build.efConstruction} --memory ${megabytes}`,
      ],
      lock: 'writers of this dimension wait until it is built; searches go on',
      undo:
        existing === undefined
          ? 'rebuild with other settings'
          : `pgfleet vectors rebuild ${dimensions} --m ${existing.m} --ef-construction ${existing.efConstruction}`,
    },
  ]
}

/** The library's candidates are those among 100,000 rows. */
function productApplication({ sample }: VectorSweep, efSearch: number, dimensions: number): string[] {
  const balanced = Math.min(
    1000,
    Math.max(2, Math.ceil(efSearch * Math.cbrt(PRODUCT_ROWS / Math.max(1, sample.tableRows)))),
  )
  return [
    `await fleet.vectorDimensions.setSearch(${dimensions}, { fast: ${Math.ceil(balanced / 2)}, balanced: ${balanced} })`,
  ]
}
