import { defineCheck, ORDER } from '../../check.js'
import { bytes, count } from '../../figures.js'

interface Column {
  readonly name: string
  /** Bytes that it has to begin at a multiple of. */
  readonly align: 1 | 2 | 4 | 8
  /** Bytes of every value; 0 where values differ in length. */
  readonly fixed: number
  /** Mean bytes of a value; null where statistics cannot be read. */
  readonly width: number | null
}

interface Row {
  readonly table: string
  readonly rows: number
  readonly bytes: number
  readonly columns: readonly Column[]
}

/** Values of other lengths that are shorter have a header of one byte, and begin anywhere. */
const SHORT = 127
/** Less of a table is not worth a look. */
const SHARE = 0.05

/** Columns in an order that wastes space between them. */
export const columnOrder = defineCheck<Row>({
  id: 'column-order',
  title: 'Columns whose order wastes space',
  area: 'indexes',
  level: 'info',
  order: ORDER.advice,
  scope: 'large tables',
  absent: 'no table has 100,000 rows',
  blind: 'the login may not read the statistics of their columns',
  why: 'A bigint or a timestamp begins at a multiple of eight bytes, an integer at one of four. Behind a boolean or a smallint the bytes up to there stay empty, in every row.',
  when: 'With the widest alignment first and values of varying length last, a table of 100,000 rows and more would be smaller by columnOrderMb and by a twentieth, as computed from types and mean widths.',
  advice:
    'The order of columns is chosen when a table is created: mind it for the next partition scheme, or when the table is made anew for another reason. It is no reason to rewrite a table.',
  uses: ['columnOrderMb'],
  sql: `
    with tables as materialized (
      select c.oid, c.reltuples, c.relpages, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and c.reltuples >= 100000 and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    ),
    shapes as (
      select t.oid, t.reltuples, t.relpages, bool_and(a.attlen > 0 or w.avg_width is not null) as known,
        jsonb_agg(jsonb_build_object('name', a.attname, 'align', case a.attalign when 'd' then 8 when 'i' then 4 when 's' then 2 else 1 end,
          'fixed', greatest(a.attlen, 0), 'width', w.avg_width) order by a.attnum) as columns
      from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      left join pg_stats w on a.attlen < 0 and w.schemaname = t.nspname and w.tablename = t.relname and w.attname = a.attname and not w.inherited
      group by t.oid, t.reltuples, t.relpages
    )
    select count(*)::int as total, count(*) filter (where s.known)::int as examined,
      jsonb_agg(jsonb_build_object('table', s.oid::regclass, 'rows', s.reltuples, 'bytes', s.relpages::float8 * 8192, 'columns', s.columns)
        order by s.relpages desc) filter (where s.known) as found
    from shapes s`,
  evaluate: (rows, { thresholds: { columnOrderMb } }) =>
    rows.flatMap(({ table, rows: size, bytes: whole, columns }) => {
      const better = columns.toSorted((a, b) => rank(b) - rank(a))
      const each = rowBytes(columns) - rowBytes(better)
      const saved = each * size
      if (saved < columnOrderMb * 1024 ** 2 || saved < SHARE * whole) return []
      return [
        {
          object: `table ${table}`,
          summary: `${table} (${bytes(whole)}) would be ${bytes(saved)} smaller with its columns in another order.`,
          evidence: [
            `about ${each.toFixed(each % 1 === 0 ? 0 : 1)} bytes in each of ${count(size)} rows`,
            `the order: ${better.map(({ name }) => name).join(', ')}`,
          ],
          remedy: {
            text: 'Order the columns so when the table is made anew; do not rewrite it for that alone.',
            lock: 'none until then',
            undo: 'none needed',
          },
        },
      ]
    }),
})

/** Of columns with values of one length the widest alignment comes first; those of varying lengths come last. */
const rank = ({ align, fixed }: Column) => (fixed > 0 ? align : 0)

/** Mean bytes of a row without its header, when nothing in it is null. Behind values of varying length half of what may be empty counts. */
function rowBytes(columns: readonly Column[]): number {
  let at = 0
  // The position is known up to a multiple of this.
  let grain = 8
  for (const { align, fixed, width } of columns) {
    const isAnywhere = fixed === 0 && (width ?? 0) < SHORT
    if (!isAnywhere) {
      at = grain >= align ? Math.ceil(at / align) * align : at + (align - grain) / 2
      if (grain < align) {
        at = Math.round(at / align) * align
        grain = align
      }
    }
    at += fixed > 0 ? fixed : (width ?? 0)
    if (fixed === 0) grain = 1
  }
  return grain === 8 ? Math.ceil(at / 8) * 8 : at
}
