import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, percent } from '../../figures.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly column: string
  readonly rows: number
  readonly bytes: number
  readonly nulls: number
  readonly common: number
}

/** Rows from which an index is worth it. */
const ROWS_MIN = 100_000
/** Entries that are null, or all the same value, from which leaving them out pays. */
const NULLS = 0.5
const COMMON = 0.9

/** X10: indexes that hold mostly what nobody searches. */
export const partialCandidate = defineCheck<Row>({
  id: 'partial-candidate',
  title: 'Indexes that could be partial',
  area: 'indexes',
  level: 'info',
  order: ORDER.advice,
  scope: 'B-trees of one column, not unique',
  absent: 'there is no B-tree of one column that is not unique',
  blind: 'statistics of the tables may not be read: grant pg_read_all_data',
  why: 'An index whose entries are mostly null, or mostly one value, is seldom used to find those: it is larger than it need be, and every insert writes into it.',
  when: `More than half of the entries are null, or one value makes more than 90 %, by statistics, in a table of ${ROWS_MIN.toLocaleString('en-US')} rows and more. Indexes that support a foreign key are left out.`,
  advice:
    'Create it anew with a condition that leaves those out, such as WHERE column IS NOT NULL, when no statement searches for them; statements have to imply the condition.',
  sql: `
    with stats as materialized (
      select s.schemaname || chr(1) || s.tablename || chr(1) || s.attname as name, s.null_frac, s.most_common_freqs from pg_stats s
      where not s.inherited and s.schemaname not in ('pg_catalog', 'information_schema')
    ),
    indexes as materialized (
      select i.indexrelid, i.indrelid, a.attname, t.reltuples, c.relpages, w.null_frac, coalesce((w.most_common_freqs)[1], 0) as common, w.null_frac is not null as known
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam and m.amname = 'btree'
      join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = t.relnamespace
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      left join stats w on w.name = n.nspname || chr(1) || t.relname || chr(1) || a.attname
      where c.relkind = 'i' and i.indnatts = 1 and i.indkey[0] <> 0 and i.indpred is null and not i.indisunique and i.indisvalid
        and n.nspname not in ('pg_catalog', 'information_schema')
        and not exists (select from pg_constraint k where k.contype = 'f' and k.conrelid = i.indrelid and k.conkey[1] = i.indkey[0])
    )
    select count(*)::int as total, count(*) filter (where i.known or i.reltuples < 1)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass, 'column', quote_ident(i.attname),
        'rows', i.reltuples, 'bytes', i.relpages::float8 * 8192, 'nulls', i.null_frac, 'common', i.common) order by i.relpages desc)
        filter (where i.null_frac > 0.4 or i.common > 0.8) as found
    from indexes i`,
  evaluate: (rows) =>
    rows
      .filter(({ rows: size, nulls, common }) => size >= ROWS_MIN && (nulls > NULLS || common > COMMON))
      .map(({ index, table, column, rows: size, bytes: bytesOf, nulls, common }) => ({
        object: `index ${index}`,
        summary: `${nulls > NULLS ? `${percent(nulls)} of the entries of ${index} are null` : `One value makes ${percent(common)} of the entries of ${index}`} (${count(size)} rows, ${bytes(bytesOf)}).`,
        remedy: {
          text: `Create an index on ${table} (${column}) with a condition that leaves them out, then drop this one; unless statements search for them.`,
          lock: 'concurrently: share update exclusive on the table',
          undo: 'create the index again without the condition',
        },
      })),
})
