import { FleetError } from '../errors.js'
import { METRICS } from './metric.js'
import type { SweepSession } from './session.js'
import { filterSlices, filterTerm, type SampledSlice, tenantSlices } from './slice.js'
import type { VectorColumn } from './vector-column.js'

/** Most rows, and bytes of their vectors, of a sample unless told otherwise. */
export const SAMPLE_ROWS = 20_000
export const SAMPLE_BYTES = 128 * 1024 * 1024
/** Fewest rows of which a sweep tells anything. */
export const ROWS_MIN = 500
/** At most this part of a slice becomes queries. */
const HELD_OUT_MAX = 0.25
/** By so much may rows of sampled pages differ from the statistics of the table. */
const STATISTICS_TOLERANCE = 0.2
/** Above this a vector does not lie in the row. */
const INLINE_BYTES_MAX = 7000

/** How a sample is drawn. */
export interface SampleOptions {
  readonly rowsMax: number
  readonly queriesMax: number
  readonly k: number
  readonly filters: readonly string[]
  /** Vectors to search for, as text; undefined for rows of the sample, held out. */
  readonly queries: readonly string[] | undefined
  readonly memoryBytes: number
}

/** What was copied. */
export interface Sample {
  /** Rows that are searched, those held out aside. */
  readonly rows: number
  /** Rows of the table with a vector that this login sees, about; exact when all were copied. */
  readonly tableRows: number
  /** It holds all of them. */
  readonly whole: boolean
  readonly bytes: number
  readonly slices: readonly SampledSlice[]
  /** What was left out, and why. */
  readonly notes: readonly string[]
}

/** Bytes of a vector of a column. */
export function vectorBytes({ type, dimensions }: Pick<VectorColumn, 'type' | 'dimensions'>): number {
  return 8 + dimensions * (type === 'vector' ? 4 : 2)
}

/** How many rows are copied at most. */
export function sampleRowsMax(column: VectorColumn, wanted: number | undefined): number {
  return wanted ?? Math.min(SAMPLE_ROWS, Math.floor(SAMPLE_BYTES / vectorBytes(column)))
}

/**
 * Copies a random sample of the table into the temporary table `pgfleet_sweep_rows`, and queries into `pgfleet_sweep_queries`: one
 * statement, so one snapshot. Rows without a vector, and those that have no direction, are left out. Errors: INPUT_INVALID for a table
 * that is empty, too small, or of which this login sees too little.
 */
export async function drawSample(session: SweepSession, column: VectorColumn, options: SampleOptions): Promise<Sample> {
  const { rowsMax, queriesMax, k, queries } = options
  const wanted = rowsMax + (queries === undefined ? queriesMax : 0)
  const notes: string[] = []
  await createTables(session, column, options)
  let share = column.rows > 0 ? Math.min(100, (130 * wanted) / column.rows) : 100
  let drawn = await copy(session, column, options.filters, wanted, share)
  // The table is larger or emptier than its statistics say: all of it is looked at.
  if (drawn.rows < wanted && share < 100) {
    share = 100
    // pgfleet-lint ignore truncate: the temporary copy, which is drawn anew
    await session.query('truncate pgfleet_sweep_rows')
    drawn = await copy(session, column, options.filters, wanted, share)
  }
  const whole = share === 100 && drawn.rows >= drawn.total
  if (column.metric === 'cosine') {
    const zero = await session.query(
      `delete from pgfleet_sweep_rows r where ${lengthOf(column, 'r.v')} = 0 returning 1`,
    )
    if (zero.length > 0) {
      notes.push(
        `${zero.length} of ${drawn.rows} sampled vectors have length 0: no direction, so no cosine distance, and no index holds them; they were left out.`,
      )
      drawn = { ...drawn, rows: drawn.rows - zero.length }
    }
  }
  if (drawn.rows < ROWS_MIN) throw tooSmall(column, drawn.rows)
  const slices = await holdOut(session, column, options, notes)
  await session.query('analyze pgfleet_sweep_rows')
  const [size] = await session.query<{ rows: number; bytes: string }>(
    `select count(*)::integer as rows, pg_table_size('pg_temp.pgfleet_sweep_rows') as bytes from pgfleet_sweep_rows`,
  )
  const rows = size?.rows ?? 0
  const guessed = Math.round((drawn.total * 100) / share)
  // A guess from some pages scatters: the statistics are better while both say about the same.
  const isAsTold =
    share < 100 && !column.restricted && Math.abs(guessed - column.rows) < column.rows * STATISTICS_TOLERANCE
  const tableRows = isAsTold ? column.rows : guessed
  if (tableRows > 0 && column.rows > tableRows * 1.2 && !column.restricted) {
    notes.push(`By its statistics the table has ${column.rows} rows; about ${tableRows} have a vector.`)
  }
  if (column.restricted) {
    notes.push(
      `Row-level security holds for this login: it saw about ${tableRows} rows${column.rows > 0 ? ` of ${column.rows}` : ''}. What others keep was not measured.`,
    )
  }
  const some = slices.find(({ kind }) => kind === 'all')
  if (some !== undefined && some.rows < k * 10) throw tooSmall(column, drawn.rows)
  return { rows, tableRows, whole, bytes: Number(size?.bytes ?? 0), slices, notes }
}

async function createTables(session: SweepSession, column: VectorColumn, options: SampleOptions): Promise<void> {
  const { schema } = column.pgvector
  const type = `${schema}.${column.type}(${column.dimensions})`
  // What is copied and its index stay in memory, as they would in a server that has enough of it.
  const bytes = Math.min(options.memoryBytes, 3 * options.rowsMax * (vectorBytes(column) + 400) + 32 * 1024 * 1024)
  await session.set('temp_buffers', `${Math.ceil(bytes / 1024)}kB`)
  const tenant = column.tenantColumn === null ? '' : ', tenant text'
  const filters = options.filters.map((_, place) => `, filter_${place} boolean`).join('')
  await session.query(`create temporary table pgfleet_sweep_rows (place integer, v ${type}${tenant}${filters})`)
  await session.query(`create temporary table pgfleet_sweep_queries (slice integer, place integer, v ${type})`)
  const storage = vectorBytes(column) <= INLINE_BYTES_MAX ? 'plain' : 'external'
  await session.query(`alter table pgfleet_sweep_rows alter column v set storage ${storage}`)
}

/** Copies at most so many rows, drawn at random from so many per cent of the pages. */
async function copy(
  session: SweepSession,
  { table, column, tenantColumn }: VectorColumn,
  filters: readonly string[],
  wanted: number,
  share: number,
): Promise<{ rows: number; total: number }> {
  const sampled = share < 100 ? `tablesample system (${share.toFixed(6)})` : ''
  const tenant = tenantColumn === null ? '' : `, t.${tenantColumn}::text as tenant`
  const terms = filters.map((filter, place) => `, ${filterTerm(filter)} as filter_${place}`).join('')
  const names = `${tenantColumn === null ? '' : ', d.tenant'}${filters.map((_, place) => `, d.filter_${place}`).join('')}`
  const [row] = await session.query<{ rows: number; total: number }>(`
    with drawn as (
      select t.${column} as v${tenant}${terms}, row_number() over (order by random()) as place, count(*) over () as total
      from ${table} t ${sampled}
      where t.${column} is not null
    ),
    copied as (
      insert into pgfleet_sweep_rows select d.place, d.v${names} from drawn d where d.place <= ${wanted} returning 1
    )
    select (select count(*) from copied)::integer as rows, coalesce((select d.total from drawn d limit 1), 0)::float8 as total`)
  return row ?? { rows: 0, total: 0 }
}

/** Takes rows of each slice out of the sample, to search for; or takes the given ones. */
async function holdOut(
  session: SweepSession,
  column: VectorColumn,
  { filters, queries, queriesMax, k }: SampleOptions,
  notes: string[],
): Promise<SampledSlice[]> {
  const [all] = await session.query<{ rows: number }>('select count(*)::integer as rows from pgfleet_sweep_rows')
  const tenants = column.tenantColumn === null ? [] : await tenantSlices(session, k)
  if (column.tenantColumn !== null && tenants.length === 0) {
    notes.push('No tenant has enough rows in the sample to be measured: compare the rows of one tenant one by one.')
  }
  const filtered = await filterSlices(session, filters, k)
  notes.push(...filtered.notes)
  const slices = [
    { kind: 'all' as const, name: 'all rows', rows: all?.rows ?? 0, condition: 'true' },
    ...tenants,
    ...filtered.slices,
  ]
  const chosen: SampledSlice[] = []
  for (const [place, slice] of slices.entries()) {
    const most = Math.min(queriesMax, Math.floor(slice.rows * HELD_OUT_MAX))
    if (queries === undefined) {
      await session.query(
        `insert into pgfleet_sweep_queries select $1::integer, r.place, r.v from pgfleet_sweep_rows r where ${slice.condition} order by r.place limit $2::integer`,
        [place, most],
      )
    } else {
      const { schema } = column.pgvector
      await session.query(
        `insert into pgfleet_sweep_queries select $1::integer, u.place, u.v::${schema}.${column.type}
        from unnest($2::text[]) with ordinality as u (v, place)`,
        [place, queries.slice(0, queriesMax)],
      )
    }
    chosen.push({ ...slice, queries: queries === undefined ? most : Math.min(queries.length, queriesMax) })
  }
  if (queries === undefined) {
    await session.query('delete from pgfleet_sweep_rows r using pgfleet_sweep_queries q where q.place = r.place')
  }
  const counted: SampledSlice[] = []
  for (const slice of chosen) {
    const [row] = await session.query<{ rows: number }>(
      `select count(*)::integer as rows from pgfleet_sweep_rows r where ${slice.condition}`,
    )
    counted.push({ ...slice, rows: row?.rows ?? 0 })
  }
  return counted
}

/** The length of a vector: one of length 0 has no direction. */
export function lengthOf({ type, pgvector: { schema } }: VectorColumn, vector: string): string {
  return type === 'vector' ? `${schema}.vector_norm(${vector})` : `${schema}.l2_norm(${vector})`
}

function tooSmall(column: VectorColumn, rows: number): FleetError {
  const seen = column.restricted ? ' that this login may see (row-level security holds for it)' : ''
  return new FleetError('INPUT_INVALID', {
    message: `table: ${column.table} has ${rows} vectors${seen}; ${ROWS_MIN} or more can be measured`,
    field: 'table',
    hint: column.restricted
      ? 'Sweep as a login that sees all rows (bypassrls), or as one tenant with more.'
      : 'So few are compared one by one in no time: no index is needed.',
  })
}

/** The distance of a row of the sample to `to`, in the column's own precision. */
export function distanceTo({ metric, pgvector: { schema } }: VectorColumn, to: string): string {
  return `(r.v operator(${schema}.${METRICS[metric].operator}) ${to})`
}
