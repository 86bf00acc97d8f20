import type { Queryable } from './server-settings.js'

/** A column of which the statistics count far too many or too few different values. */
export interface WrongColumn {
  /** Quoted. */
  readonly name: string
  /** What `n_distinct` should be: a number, or below 0 a share of the rows. */
  readonly value: number
  /** Different values by the statistics, and as counted. */
  readonly told: number
  readonly found: number
  /** The whole table was counted; else the sample holds so many at least. */
  readonly exact: boolean
}

/** Columns that a B-tree holds, and what the statistics say of them. */
const COLUMNS = `
  select quote_ident(a.attname) as name, p.n_distinct::float8 as "nDistinct"
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_stats p on p.schemaname = n.nspname and p.tablename = c.relname and p.attname = a.attname and not p.inherited
  where c.oid = $1::int8::oid
    and exists (select from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
      where i.indrelid = c.oid and m.amname = 'btree' and a.attnum = any (i.indkey::int2[]))
  order by a.attnum`

/** Rows of a sample: ten times what analyze takes. */
const SAMPLE_ROWS = 300_000
/** The statistics may be wrong by less than this. */
const FACTOR = 3

/**
 * Counts different values of a table's indexed columns, in all of it up to 300,000 rows, else in a sample of pages. A sample shows
 * only that there are more than the statistics say: what it does not hold may still be there.
 */
export async function distinctValues(
  connection: Queryable,
  { oid, table, rows }: { readonly oid: number; readonly table: string; readonly rows: number },
): Promise<readonly WrongColumn[]> {
  const { rows: columns } = await connection.query<{ name: string; nDistinct: number }>(COLUMNS, [oid])
  if (columns.length === 0) return []
  const exact = rows <= SAMPLE_ROWS
  const share = Math.max(0.01, (100 * SAMPLE_ROWS) / Math.max(rows, 1))
  const counts = columns.map(({ name }, index) => `count(distinct ${name})::float8 as c${index}`)
  const from = exact ? table : `${table} tablesample system (${share.toFixed(3)})`
  const { rows: counted } = await connection.query<Record<string, number>>(
    `select count(*)::float8 as n, ${counts.join(', ')} from ${from}`,
  )
  const sample = counted[0] ?? {}
  const present = exact ? (sample.n ?? 0) : rows
  return columns.flatMap(({ name, nDistinct }, index) => {
    const found = sample[`c${index}`] ?? 0
    const told = nDistinct < 0 ? -nDistinct * present : nDistinct
    const isMore = found > FACTOR * Math.max(told, 1)
    const isFewer = exact && told > FACTOR * Math.max(found, 1)
    if (!isMore && !isFewer) return []
    const part = found / Math.max(sample.n ?? 1, 1)
    // What grows with the table is told as a share.
    const value = part > 0.1 ? -Math.min(1, Number(part.toFixed(3))) : found
    return [{ name, value, told: Math.round(told), found, exact }]
  })
}
