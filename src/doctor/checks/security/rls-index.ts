import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly columns: string
  readonly rows: number
}

/** Rows from which on reading all of them for each tenant is a cost. */
const ROWS_MIN = 10_000

/** 2.8: policies whose column no index begins with. */
export const rlsIndex = defineCheck<Row>({
  id: 'rls-index',
  title: 'Policies without an index',
  area: 'security',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'tables with policies',
  absent: 'no table has policies',
  why: 'The condition of a policy is part of every statement. Without an index on its column a tenant’s query may read the rows of all.',
  when: 'A table of ten thousand rows and more has policies on columns, and no valid index begins with one of them. A partition key counts as an index.',
  advice:
    'Begin the indexes that serve a tenant’s queries with the column of the policy. Jobs for all tenants may want others.',
  sql: `
    with tables as (
      select p.polrelid, array_agg(distinct d.refobjsubid::int2) filter (where d.refobjsubid > 0) as columns
      from pg_policy p left join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refobjid = p.polrelid
      group by 1
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.polrelid::regclass,
        'columns', (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
          where a.attrelid = t.polrelid and a.attnum = any (t.columns)),
        'rows', greatest(c.reltuples, s.n_live_tup, 0)) order by c.reltuples desc)
        filter (where t.columns is not null and not exists (select from pg_index i
            where i.indrelid = t.polrelid and i.indisvalid and i.indkey[0] = any (t.columns))
          and not exists (select from pg_partitioned_table k where k.partrelid = t.polrelid and k.partattrs[0] = any (t.columns))) as found
    from tables t join pg_class c on c.oid = t.polrelid left join pg_stat_all_tables s on s.relid = c.oid`,
  evaluate: (rows) =>
    rows
      .filter(({ rows: size }) => size >= ROWS_MIN)
      .map(({ table, columns, rows: size }) => ({
        object: `table ${table}`,
        summary: `No index of ${table} (${count(size)} rows) begins with ${columns}, by which its policies choose.`,
        remedy: {
          text: 'Create one that begins with it and goes on with what queries search or sort by.',
          sql: [`create index concurrently on ${table} (${columns})`],
          lock: 'share update exclusive on the table: reads and writes go on',
          undo: 'drop the index concurrently',
        },
      })),
})
