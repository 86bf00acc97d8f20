import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly rows: number
  /** Its key columns in their order. */
  readonly columns: readonly string[]
  readonly first: string
  /** Different values of the first column; null where more than a few, or not known. */
  readonly few: number | null
  /** A column of a time or date that has others behind it; null where there is none. */
  readonly time: string | null
  readonly definition: string
}

/** X11: B-trees whose columns stand in an order that keeps searches from narrowing them. */
export const keyOrder = defineCheck<Row>({
  id: 'key-order',
  title: 'B-trees with columns in an order that narrows little',
  area: 'indexes',
  level: 'info',
  order: ORDER.advice,
  scope: 'B-trees of several columns on tables of 10,000 rows or more',
  absent: 'no table of 10,000 rows has one',
  why: 'A B-tree is searched by its first columns: those that are compared for equality narrow it, then one range. What stands behind a range is only filtered, and a first column of a few values leaves most of the index to be read where it is not compared (PostgreSQL 18 can skip over it).',
  when: 'An index that is not unique begins with a column of at most ten values, of a table of 10,000 rows and more; or has a date or time before a column that is not part of the primary key, which keyset pages put last. Left out: first columns that a policy, a foreign key or the partition key compares.',
  advice:
    'Compare with the queries that use it: columns that they compare for equality first, those with most values before others, then the one of the range or the order. pgfleet doctor --check missing-index tries orders for the workload.',
  sql: `
    with indexes as materialized (
      select i.indexrelid, i.indrelid, i.indnkeyatts, i.indkey, c.reltuples, n.nspname, c.relname
      from pg_index i
      join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam and m.amname = 'btree'
      join pg_class c on c.oid = i.indrelid and c.relkind = 'r' and c.reltuples >= 10000
      join pg_namespace n on n.oid = c.relnamespace
      where not i.indisunique and i.indnkeyatts > 1 and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
        -- Expressions have no column to judge by.
        and not exists (select from unnest(i.indkey::int2[]) k (attnum) where k.attnum = 0)
    ),
    keys as (
      select i.indexrelid, k.place, a.attname, a.attnum,
        a.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) as is_time,
        exists (select from pg_constraint p where p.conrelid = i.indrelid and p.contype = 'p' and a.attnum = any (p.conkey)) as is_primary
      from indexes i
      cross join unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
      where k.place <= i.indnkeyatts
    ),
    judged as (
      select i.*,
        (select f.attname from keys f where f.indexrelid = i.indexrelid and f.place = 1) as first,
        case when s.n_distinct between 1 and 10
          and not exists (select from pg_depend d where d.classid = 'pg_policy'::regclass and d.refclassid = 'pg_class'::regclass
            and d.refobjid = i.indrelid and d.refobjsubid = i.indkey[0])
          and not exists (select from pg_constraint f where f.conrelid = i.indrelid and f.contype = 'f' and i.indkey[0] = any (f.conkey))
          and not exists (select from pg_inherits h join pg_partitioned_table p on p.partrelid = h.inhparent
            join pg_attribute a on a.attrelid = p.partrelid and a.attnum = any (p.partattrs::int2[])
            where h.inhrelid = i.indrelid and a.attname = s.attname)
          then s.n_distinct::int end as few,
        (select t.attname from keys t where t.indexrelid = i.indexrelid and t.is_time
          and exists (select from keys l where l.indexrelid = i.indexrelid and l.place > t.place and not l.is_primary)
          order by t.place limit 1) as time
      from indexes i
      left join pg_stats s on s.schemaname = i.nspname and s.tablename = i.relname and not s.inherited
        and s.attname = (select f.attname from keys f where f.indexrelid = i.indexrelid and f.place = 1)
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', j.indexrelid::regclass, 'table', j.indrelid::regclass, 'rows', j.reltuples,
        'columns', (select jsonb_agg(quote_ident(k.attname) order by k.place) from keys k where k.indexrelid = j.indexrelid),
        'first', quote_ident(j.first), 'few', j.few, 'time', quote_ident(j.time), 'definition', pg_get_indexdef(j.indexrelid))
        order by j.reltuples desc, j.indexrelid::regclass::text) filter (where j.few is not null or j.time is not null) as found
    from judged j`,
  evaluate: (rows) =>
    rows.map(({ index, table, rows: size, columns, first, few, time, definition }) => {
      const reasons = [
        ...(few === null ? [] : [`its first column, ${first}, has ${few} different ${few === 1 ? 'value' : 'values'}`]),
        ...(time === null ? [] : [`what stands behind ${time} is only filtered once ${time} is compared by a range`]),
      ]
      return {
        object: `index ${index}`,
        summary: `${index} on ${table} narrows little by ${columns.join(', ')}.`,
        evidence: [...reasons, `about ${count(size)} rows`, definition],
        remedy: {
          text: 'Where the queries compare other columns for equality, make it anew with those first and the time last; then drop this one.',
          lock: 'concurrently: share update exclusive on the table',
          undo: definition,
        },
      }
    }),
})
