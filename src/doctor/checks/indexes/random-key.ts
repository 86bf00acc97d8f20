import { defineCheck, ORDER } from '../../check.js'
import { bytes } from '../../figures.js'

interface Row {
  readonly table: string
  readonly column: string
  readonly correlation: number
  readonly bytes: number
  readonly defaulted: string | null
}

/** X12: keys that scatter their rows over the index. */
export const randomKey = defineCheck<Row>({
  id: 'random-key',
  title: 'Primary keys of random UUIDs',
  area: 'indexes',
  level: 'info',
  order: ORDER.advice,
  scope: 'primary keys of UUIDs',
  absent: 'no primary key begins with a UUID',
  blind: 'statistics of the tables may not be read: grant pg_read_all_data',
  why: 'Random keys touch a page of their own each: the index no longer fits into memory, and after each checkpoint every such page goes into the WAL as a whole.',
  when: 'The first column of a primary key of 1 GB and more is a uuid whose order has nothing to do with that of the rows (correlation below 0.1).',
  advice:
    'Give new rows time-ordered ids: UUID version 7, by uuidv7() from PostgreSQL 18 on, before that by the application. Old rows stay as they are.',
  sql: `
    with keys as (
      select i.indexrelid, i.indrelid, a.attname, w.correlation, c.relpages::float8 * 8192 as bytes,
        pg_get_expr(d.adbin, d.adrelid) as defaulted
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
      join pg_namespace n on n.oid = t.relnamespace
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] and a.atttypid = 'uuid'::regtype
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      left join pg_stats w on w.schemaname = n.nspname and w.tablename = t.relname and w.attname = a.attname and not w.inherited
      where i.indisprimary and c.relkind = 'i'
    )
    select count(*)::int as total, count(k.correlation)::int as examined,
      jsonb_agg(jsonb_build_object('table', k.indrelid::regclass, 'column', k.attname, 'correlation', k.correlation,
        'bytes', k.bytes, 'defaulted', k.defaulted) order by k.bytes desc)
        filter (where k.bytes >= 1024.0 ^ 3 and abs(k.correlation) < 0.1) as found
    from keys k`,
  evaluate: (rows) =>
    rows.map(({ table, column, correlation, bytes: size, defaulted }) => ({
      object: `table ${table}`,
      summary: `The primary key of ${table} (index of ${bytes(size)}) is random: ${column}, correlation ${correlation.toFixed(2)}.`,
      evidence: defaulted === null ? [] : [`default ${defaulted}`],
      remedy: {
        text: 'Make the ids of new rows with UUID version 7.',
        lock: 'a new default: access exclusive for a moment',
        undo: 'set the old default',
      },
    })),
})
