import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly column: string
  readonly type: string
  readonly typed: boolean
  readonly rows: number
}

/** 2.10: vectors that are compared one by one. */
export const vectorIndexMissing = defineCheck<Row>({
  id: 'vector-index-missing',
  title: 'Vectors without an index',
  area: 'vectors',
  level: 'info',
  order: ORDER.advice,
  needs: { extension: 'vector' },
  scope: 'columns of vectors',
  absent: 'there are no columns of vectors',
  why: 'Without an index each search for the nearest compares all vectors. That is exact, and right for few rows or when a filter leaves few.',
  when: 'A column of vectors in a table of vectorRows rows and more has no index of any kind; or it has no dimensions declared, so that none can be made.',
  advice:
    'Create an HNSW index when searches over all rows are too slow; measure its recall against the exact order. Above 2,000 dimensions index it as halfvec.',
  uses: ['vectorRows'],
  sql: `
    with columns as (
      select a.attrelid, a.attname, a.attnum, a.atttypmod, t.typname, greatest(c.reltuples, s.n_live_tup, 0) as rows
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
      join pg_depend d on d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
      join pg_extension e on e.oid = d.refobjid and e.extname = 'vector'
      left join pg_stat_all_tables s on s.relid = c.oid
      where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'm') and t.typname in ('vector', 'halfvec')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', x.attrelid::regclass, 'column', quote_ident(x.attname), 'type', x.typname,
        'typed', x.atttypmod > 0, 'rows', x.rows) order by x.rows desc)
        filter (where not exists (select from pg_index i where i.indrelid = x.attrelid and (x.attnum = any (i.indkey::int2[])
          or exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
            and d.refobjid = x.attrelid and d.refobjsubid = x.attnum)))) as found
    from columns x`,
  evaluate: (rows, { thresholds: { vectorRows } }) =>
    rows
      .filter(({ rows: size }) => size >= vectorRows)
      .map(({ table, column, type, typed, rows: size }) => ({
        object: `column ${table}.${column}`,
        summary: `${table}.${column} (${type}, about ${count(size)} rows) has no index${typed ? '' : ', and no dimensions declared'}.`,
        remedy: {
          text: `Create one with the operator class that the searches use, when they take too long: ${type}_cosine_ops for <=>, ${type}_l2_ops for <->, ${type}_ip_ops for <#>.`,
          lock: 'create index concurrently: share update exclusive on the table',
          undo: 'drop the index concurrently',
        },
      })),
})
