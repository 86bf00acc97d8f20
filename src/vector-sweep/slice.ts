import pg from 'pg'
import { FleetError } from '../errors.js'
import type { SweepSession } from './session.js'
import type { VectorColumn } from './vector-column.js'

/** A part of the table that searches keep to: a tenant's rows, or those that meet a filter; or all of it. */
export interface Slice {
  readonly kind: 'all' | 'tenant' | 'filter'
  /** `all rows`, `tenant acme (largest)`, or the filter as it was given. */
  readonly name: string
  /** Rows of the sample. */
  readonly rows: number
  /** Searches made in it. */
  readonly queries: number
}

/** A slice with its condition on the sample. */
export interface SampledSlice extends Slice {
  readonly condition: string
}

/** Fewest rows of a slice, as a multiple of k. */
const ROWS_MIN = 4

/** Refuses filters that are no condition on the table. Errors: INPUT_INVALID with `filter[n]`. */
export async function assertFilters(
  session: SweepSession,
  { table }: VectorColumn,
  filters: readonly string[],
): Promise<void> {
  for (const [place, filter] of filters.entries()) {
    try {
      await session.query(`select ${filterTerm(filter)} from ${table} t limit 0`)
    } catch (error) {
      if (!(error instanceof FleetError) || error.details.sqlstate === undefined) throw error
      throw new FleetError('INPUT_INVALID', {
        message: `filter[${place}]: the server does not take it as a condition on ${table}: ${error.message}`,
        field: `filter[${place}]`,
        hint: "Give what would stand after WHERE, such as kind = 'note'.",
        cause: error,
      })
    }
  }
}

/** The filter as a value of a row: null counts as no. A comment in it ends with its line. */
export function filterTerm(filter: string): string {
  return `((${filter}\n)) is true`
}

/** Chooses the tenants with most, a middling number, and fewest rows, of those that have enough in the sample to be measured. */
export async function tenantSlices(session: SweepSession, k: number): Promise<Omit<SampledSlice, 'queries'>[]> {
  const tenants = await session.query<{ tenant: string; rows: number }>(
    `select r.tenant, count(*)::integer as rows from pgfleet_sweep_rows r where r.tenant is not null
    group by r.tenant having count(*) >= $1::integer order by count(*) desc, r.tenant`,
    [k * ROWS_MIN],
  )
  const places = new Map([
    [0, 'largest'],
    [tenants.length >> 1, 'median'],
    [tenants.length - 1, 'smallest'],
  ])
  // Of one or two tenants the same is named once, by the first of its names.
  if (tenants.length === 1) places.set(0, 'the only one measured')
  if (tenants.length === 2) places.set(1, 'smallest')
  return [...places].flatMap(([place, size]) => {
    const one = tenants[place]
    return one === undefined
      ? []
      : [
          {
            kind: 'tenant' as const,
            name: `tenant ${one.tenant} (${size})`,
            rows: one.rows,
            condition: `r.tenant = ${pg.escapeLiteral(one.tenant)}`,
          },
        ]
  })
}

/** The slices of filters, without those that hardly any row of the sample meets. */
export async function filterSlices(
  session: SweepSession,
  filters: readonly string[],
  k: number,
): Promise<{ slices: Omit<SampledSlice, 'queries'>[]; notes: string[] }> {
  const slices: Omit<SampledSlice, 'queries'>[] = []
  const notes: string[] = []
  for (const [place, filter] of filters.entries()) {
    const condition = `r.filter_${place}`
    const [row] = await session.query<{ rows: number }>(
      `select count(*)::integer as rows from pgfleet_sweep_rows r where ${condition}`,
    )
    const rows = row?.rows ?? 0
    if (rows >= k * ROWS_MIN) slices.push({ kind: 'filter', name: filter, rows, condition })
    else {
      notes.push(
        `${rows} rows of the sample meet ${filter}: too few to measure, and few enough to compare one by one; a larger sample may hold more.`,
      )
    }
  }
  return { slices, notes }
}
