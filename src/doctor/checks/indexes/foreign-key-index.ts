import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly constraint: string
  readonly table: string
  readonly columns: string
  readonly referenced: string
  readonly rows: number
  readonly deletes: number
  readonly partitioned: boolean
}

/** X5: foreign keys that no index supports. */
export const foreignKeyIndex = defineCheck<Row>({
  id: 'foreign-key-index',
  title: 'Foreign keys without an index',
  area: 'indexes',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'foreign keys',
  absent: 'there are no foreign keys',
  why: 'Deleting a referenced row, or changing its key, looks for rows that refer to it. Without an index on the referring columns each such row costs a scan of the whole table.',
  when: 'No valid B-tree or hash index without a condition begins with the referring columns, in any order. Small tables are info.',
  advice: 'Create the index, unless referenced rows are never deleted and their keys never change.',
  uses: ['foreignKeyRows'],
  sql: `
    with keys as (
      select k.*, c.relkind, greatest(c.reltuples, pg_stat_get_live_tuples(k.conrelid), 0) as rows, pg_stat_get_tuples_deleted(k.confrelid) as deletes
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
      where k.contype = 'f' and k.conparentid = 0 and n.nspname not in ('pg_catalog', 'information_schema')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('constraint', k.conname, 'table', k.conrelid::regclass,
        'columns', (select string_agg(quote_ident(a.attname), ', ' order by u.place)
          from unnest(k.conkey) with ordinality u (number, place)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number),
        'referenced', k.confrelid::regclass, 'deletes', k.deletes, 'partitioned', k.relkind = 'p',
        'rows', case when k.relkind = 'p' then (select coalesce(sum(greatest(p.reltuples, 0)), 0)
          from pg_partition_tree(k.conrelid) t join pg_class p on p.oid = t.relid where t.isleaf) else k.rows end)
        order by k.rows desc, k.conrelid::regclass::text, k.conname)
        filter (where not exists (
          select from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
          where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null and m.amname in ('btree', 'hash')
            and cardinality(k.conkey) <= i.indnkeyatts
            and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey)) as found
    from keys k`,
  evaluate: (rows, { thresholds: { foreignKeyRows } }) =>
    rows.map(({ constraint, table, columns, referenced, rows: size, deletes, partitioned }) => ({
      object: `constraint ${constraint} on ${table}`,
      level: size >= foreignKeyRows ? ('warning' as const) : ('info' as const),
      summary: `${table} (${columns}) refers to ${referenced} without an index.`,
      evidence: [`about ${counted(size, 'row')}; ${counted(deletes, 'row')} deleted from ${referenced} so far`],
      remedy: partitioned
        ? {
            text: 'Create it on the partitioned table only, then concurrently on each partition, and attach those.',
            sql: [`create index on ${table} (${columns})`],
            lock: 'share on the table and all partitions when done in this one statement: writes wait while it builds',
            undo: 'drop the index',
          }
        : {
            text: 'Create the index.',
            sql: [`create index concurrently on ${table} (${columns})`],
            lock: 'share update exclusive on the table: reads and writes go on',
            undo: 'drop the index concurrently',
          },
    })),
})
