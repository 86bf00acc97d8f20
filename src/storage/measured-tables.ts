import type { Connection } from '../database/connections.js'
import type { RowCost } from './table-size.js'

/** What a running installation tells of a table. */
export interface MeasuredTable {
  readonly table: string
  /** Rows that are there, as the statistics count them. */
  readonly rows: number
  /** Rows that were added a day, since the statistics began; undefined for a table whose rows do not come day by day. */
  readonly rowsPerDay: number | undefined
  readonly cost: RowCost
}

interface Row {
  readonly table: string
  readonly rows: number
  readonly inserted: number
  readonly days: number
  readonly heap: number
  readonly toast: number
  readonly monthly: boolean
  readonly indexes: readonly { name: string; method: string; bytes: number }[]
}

/** With fewer rows than this, pages that are begun decide what a row takes. */
const ROWS_MIN = 1000
/** Over less than this, in days, a rate is a matter of luck. */
const DAYS_MIN = 0.04

const TABLES = `
  select w.name as "table", s.rows::float8 as rows, s.inserted::float8 as inserted, s.heap::float8 as heap, s.toast::float8 as toast,
    t.id_column is not null as monthly,
    extract(epoch from now() - greatest(
      (select min(m.applied_at) from platform.migrations m),
      (select d.stats_reset from pg_stat_database d where d.datname = current_database())))::float8 / 86400 as days,
    (select coalesce(jsonb_agg(jsonb_build_object('name', i.relname, 'method', m.amname, 'bytes', b.bytes)), '[]')
      from pg_index x join pg_class i on i.oid = x.indexrelid join pg_am m on m.oid = i.relam,
      lateral (select sum(pg_relation_size(p.relid)) as bytes
        from (select x.indexrelid as relid union select y.relid from pg_partition_tree(x.indexrelid) y where y.isleaf) p) b
      where x.indrelid = c.oid) as indexes
  from unnest($1::text[]) as w (name)
  join pg_class c on c.oid = to_regclass(w.name)
  join pg_namespace n on n.oid = c.relnamespace
  left join platform.partitioned_tables t on t.schema_name = n.nspname and t.table_name = c.relname
  cross join lateral (
    select sum(u.n_live_tup) as rows, sum(u.n_tup_ins) as inserted, sum(pg_relation_size(u.relid)) as heap,
      sum(coalesce(pg_total_relation_size(nullif(l.reltoastrelid, 0)), 0)) as toast
    from (select c.oid as relid union select y.relid from pg_partition_tree(c.oid) y where y.isleaf) p
    join pg_stat_user_tables u on u.relid = p.relid
    join pg_class l on l.oid = p.relid
    where l.relkind = 'r') s`

/**
 * Measures tables of a running installation: sizes of files and the statistics' counts, so no table is read. Those of less
 * than a thousand rows are left out.
 */
export async function measureTables(
  connection: Connection,
  tables: readonly string[],
): Promise<Map<string, MeasuredTable>> {
  const { rows } = await connection.query<Row>(TABLES, [[...tables]])
  return new Map(rows.filter((row) => row.rows >= ROWS_MIN).map((row) => [row.table, measuredTable(row)]))
}

function measuredTable(row: Row): MeasuredTable {
  const { table, rows, inserted, days, heap, toast, monthly, indexes } = row
  return {
    table,
    rows,
    rowsPerDay: monthly && days >= DAYS_MIN ? inserted / days : undefined,
    cost: {
      heapBytes: heap / rows,
      toastBytes: toast / rows,
      indexes: indexes.map(({ name, method, bytes }) => ({
        name,
        method,
        bytesPerRow: bytes / rows,
        ordered: method !== 'hnsw',
      })),
    },
  }
}
