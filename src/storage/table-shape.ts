import type { Connection } from '../database/connections.js'
import { FleetError } from '../errors.js'

/** A column of a table, as the catalogue has it. */
export interface ColumnShape {
  readonly name: string
  /** Bytes of a value; undefined where values differ in width. */
  readonly width: number | undefined
  /** What its place in a row has to be a multiple of, in bytes. */
  readonly align: number
  readonly nullable: boolean
  /** Whether a large value may be compressed, and moved out of the row. */
  readonly storage: 'plain' | 'main' | 'external' | 'extended'
}

/** An index of a table, as the catalogue has it. */
export interface IndexShape {
  readonly name: string
  readonly method: string
  readonly unique: boolean
  /** Its columns in their order; null for an expression. */
  readonly columns: readonly (string | null)[]
  /** Columns that it holds from the largest to the smallest. */
  readonly descending: readonly string[]
  /** Partial: it holds some rows only. */
  readonly partial: boolean
  /** Neighbours of a vector, of an HNSW index. */
  readonly m: number
}

/** A table without its rows. */
export interface TableShape {
  readonly table: string
  readonly columns: readonly ColumnShape[]
  readonly indexes: readonly IndexShape[]
  /** How full an insert may make a page, in per cent. */
  readonly fillfactor: number
  /** A row of more bytes than this has values compressed and moved out. */
  readonly toastTarget: number
  /** True for one that has a partition for each month. */
  readonly monthly: boolean
  /** Days that its rows are kept unless told otherwise; undefined for good. */
  readonly retentionDays: number | undefined
}

interface Row extends Omit<TableShape, 'columns' | 'retentionDays'> {
  readonly columns: readonly (Omit<ColumnShape, 'width'> & { readonly width: number | null })[]
  readonly retentionDays: number | null
}

const SHAPES = `
  select n.nspname || '.' || c.relname as "table",
    coalesce((select o.option_value::int from pg_options_to_table(c.reloptions) o where o.option_name = 'fillfactor'), 100) as fillfactor,
    coalesce((select o.option_value::int from pg_options_to_table(c.reloptions) o where o.option_name = 'toast_tuple_target'), 2032) as "toastTarget",
    t.id_column is not null as monthly,
    (extract(epoch from t.retention) / 86400)::float8 as "retentionDays",
    (select jsonb_agg(jsonb_build_object('name', a.attname, 'nullable', not a.attnotnull,
        'width', case when a.attlen > 0 then a.attlen
          when y.typname = 'vector' then 8 + 4 * a.atttypmod when y.typname = 'halfvec' then 8 + 2 * a.atttypmod end,
        'align', case a.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end,
        'storage', case a.attstorage when 'p' then 'plain' when 'm' then 'main' when 'e' then 'external' else 'extended' end) order by a.attnum)
      from pg_attribute a join pg_type y on y.oid = a.atttypid
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select coalesce(jsonb_agg(jsonb_build_object('name', i.relname, 'method', m.amname, 'unique', x.indisunique,
        'partial', x.indpred is not null,
        'm', coalesce((select o.option_value::int from pg_options_to_table(i.reloptions) o where o.option_name = 'm'), 16),
        'columns', (select jsonb_agg(a.attname order by k.place) from unnest(x.indkey::int2[]) with ordinality as k (number, place)
          left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number),
        'descending', (select coalesce(jsonb_agg(a.attname), '[]')
          from unnest(x.indkey::int2[], x.indoption::int2[]) as k (number, option)
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number where k.option & 1 = 1)) order by i.relname), '[]')
      from pg_index x join pg_class i on i.oid = x.indexrelid join pg_am m on m.oid = i.relam
      where x.indrelid = c.oid) as indexes
  from unnest($1::text[]) as w (name)
  join pg_class c on c.oid = to_regclass(w.name)
  join pg_namespace n on n.oid = c.relnamespace
  left join platform.partitioned_tables t on t.schema_name = n.nspname and t.table_name = c.relname`

/** Reads the shapes of tables from a catalogue; no table is read. Errors: SCHEMA_MISSING for a table that is not there. */
export async function readShapes(connection: Connection, tables: readonly string[]): Promise<Map<string, TableShape>> {
  const { rows } = await connection.query<Row>(SHAPES, [[...tables]])
  const shapes = new Map(
    rows.map((row) => [
      row.table,
      {
        ...row,
        retentionDays: row.retentionDays ?? undefined,
        columns: row.columns.map((column) => ({ ...column, width: column.width ?? undefined })),
      },
    ]),
  )
  const missing = tables.find((table) => !shapes.has(table))
  if (missing !== undefined) {
    const [, dimensions] = /^memory\.vectors_(\d+)$/.exec(missing) ?? []
    throw new FleetError('SCHEMA_MISSING', {
      message: `the database has no table ${missing}`,
      ...(dimensions === undefined ? {} : { hint: `Make it with \`pgfleet vectors add-dimension ${dimensions}\`.` }),
    })
  }
  return shapes
}
