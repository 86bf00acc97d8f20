import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'
import { pageSample } from '../../page-sample.js'
import { VECTOR_INDEXES, type VectorIndex } from '../../vector-indexes.js'

interface Row extends VectorIndex {
  readonly filter: string
  /** One a value of the filter. */
  readonly recalls?: readonly number[]
}

/** Rows that are drawn, searches for one value of the filter, and values, at most; rows of each search. */
const DRAWN = 400
const QUERIES = 5
const GROUPS = 12
const K = 10

/** 2.10: recall of each tenant, not of all together. */
export const vectorGroupRecall = defineCheck<Row>({
  id: 'vector-group-recall',
  title: 'Tenants whose nearest rows are missed',
  area: 'vectors',
  level: 'warning',
  order: ORDER.indexes,
  depth: 'deep',
  needs: { extension: 'vector' },
  scope: 'indexes of vectors with a column to filter by',
  absent: 'no index of vectors has a column beside it to filter by',
  why: 'The mean over all searches hides a tenant whose rows lie apart, or are few: a search for it meets the rows of others first.',
  when: `Searches with an equality on a column find less than vectorRecall of the ten nearest that meet it, on average over the searches for one value, of up to ${GROUPS} values with three searches and more each. The column is the one of a policy, else one that an index begins with. Values are counted, not told.`,
  advice:
    'Set iterative_scan, compare small groups exactly, give large ones a partial index each, or partition by the column.',
  uses: ['vectorRecall'],
  sql: `
    with ${VECTOR_INDEXES},
    filters as (
      select i.*, f.attname as filter
      from indexes i cross join lateral (
        select a.attname from pg_attribute a
        join pg_stats w on w.schemaname = i.schema and w.tablename = i.relname and w.attname = a.attname and not w.inherited
        cross join lateral (select case when exists (select from pg_depend d where d.classid = 'pg_policy'::regclass and d.refobjid = a.attrelid
            and d.refobjsubid = a.attnum) then 2 when exists (select from pg_index b where b.indrelid = a.attrelid and b.indkey[0] = a.attnum
            and b.indexrelid <> i.indexrelid) then 1 else 0 end as weight) g
        where a.attrelid = i.indrelid and a.attnum > 0 and not a.attisdropped and a.attname <> i.attname and g.weight > 0
          and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'int4'::regtype, 'int8'::regtype, 'int2'::regtype, 'uuid'::regtype)
          and (w.n_distinct >= 2 or (w.n_distinct < 0 and w.n_distinct > -0.1))
        order by g.weight desc, a.attname limit 1) f
    )
    select (select count(*) from filters)::int as total, (select count(*) from filters f where has_table_privilege(f.indrelid, 'select'))::int as examined,
      (select jsonb_agg(jsonb_build_object('index', f.indexrelid::regclass, 'table', f.indrelid::regclass, 'column', quote_ident(f.attname),
        'filter', quote_ident(f.filter), 'operator', f.operator, 'method', f.amname, 'rows', greatest(f.reltuples, 0)) order by f.reltuples desc)
        from filters f where has_table_privilege(f.indrelid, 'select')) as found`,
  probe: ({ table, column, filter, operator, rows }) => ({
    text: `
      with drawn as materialized (
        select t.${column} as q, t.${filter} as f, row_number() over (partition by t.${filter}) as place
        from (select * from ${table} t tablesample system (${pageSample(rows)}) where t.${column} is not null and t.${filter} is not null
          order by random() limit ${DRAWN}) t
      ),
      sample as materialized (
        select d.* from drawn d where d.place <= ${QUERIES} and d.f in (select x.f from drawn x where x.place = 3 limit ${GROUPS})
      ),
      recalls as (
        select s.f, avg((select count(*) from (select t.${column} ${operator} s.q as d from ${table} t where t.${filter} = s.f
            order by t.${column} ${operator} s.q limit ${K}) a where a.d <= e.farthest + 1e-9)::float8 / nullif(e.n, 0)) as recall
        from sample s cross join lateral (
          select max(x.d) as farthest, count(*) as n from (select t.${column} ${operator} s.q as d from ${table} t where t.${filter} = s.f
            order by (t.${column} ${operator} s.q) + 0 limit ${K}) x) e
        group by s.f
      )
      select coalesce(jsonb_agg(r.recall), '[]') as recalls from recalls r where r.recall is not null`,
    values: [],
  }),
  evaluate: (rows, { thresholds: { vectorRecall } }) =>
    rows.flatMap(({ index, table, filter, method, rows: size, recalls = [] }) => {
      const low = recalls.filter((recall) => recall < vectorRecall)
      if (low.length === 0) return []
      const mean = recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length
      return [
        {
          object: `index ${index}, by ${filter}`,
          summary: `For ${low.length} of ${recalls.length} values of ${filter} searches of ${table} (${count(size)} rows) miss too much: the worst finds ${percent(Math.min(...low))} of its ${K} nearest, all together ${percent(mean)}.`,
          evidence: [`${index}, ${method}`],
          remedy: {
            text: `Set ${method}.iterative_scan and more effort in the transactions that search, and compare small groups exactly.`,
            lock: 'none',
            undo: 'none needed',
          },
        },
      ]
    }),
})
