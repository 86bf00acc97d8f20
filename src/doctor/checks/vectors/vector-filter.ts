import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'
import { pageSample } from '../../page-sample.js'
import { VECTOR_INDEXES, type VectorIndex } from '../../vector-indexes.js'

interface Row extends VectorIndex {
  readonly filter: string
  readonly searches?: number
  readonly short?: number
  readonly found?: number | null
  readonly expected?: number | null
  readonly iterative?: string | null
}

/** Searches that are tried for each column, and rows of each. */
const QUERIES = 10
const K = 10

/** 2.10: searches with a filter that come back with too little. */
export const vectorFilter = defineCheck<Row>({
  id: 'vector-filter',
  title: 'Filtered searches that return too few rows',
  area: 'vectors',
  level: 'warning',
  order: ORDER.indexes,
  depth: 'deep',
  needs: { extension: 'vector' },
  scope: 'columns beside an index of vectors',
  absent: 'no index of vectors has a column beside it to filter by',
  why: 'HNSW collects its ef_search candidates first and filters them afterwards: when few rows meet the filter, a tenant’s for example, the search returns fewer than asked for, or none, though there are enough.',
  when: 'ORDER BY distance LIMIT 10 with an equality on a column returns fewer rows than meet it, as the planner runs it with the settings of this login. The columns are those of policies, those that other indexes begin with, and those with many values.',
  advice:
    'Set hnsw.iterative_scan to strict_order or relaxed_order (pgvector 0.8) in the transactions that search; compare few rows exactly; or partition by the column, or give its large values a partial index each.',
  sql: `
    with ${VECTOR_INDEXES},
    filters as (
      select i.*, f.attname as filter, row_number() over (partition by i.indexrelid order by f.weight desc, f.attname) as place
      from indexes i cross join lateral (
        select a.attname, case when exists (select from pg_depend d where d.classid = 'pg_policy'::regclass and d.refobjid = a.attrelid
            and d.refobjsubid = a.attnum) then 3 when exists (select from pg_index b where b.indrelid = a.attrelid and b.indkey[0] = a.attnum
            and b.indexrelid <> i.indexrelid) then 2 else 1 end as weight
        from pg_attribute a
        left join pg_stats w on w.schemaname = i.schema and w.tablename = i.relname and w.attname = a.attname and not w.inherited
        where a.attrelid = i.indrelid and a.attnum > 0 and not a.attisdropped and a.attname <> i.attname
          and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'int4'::regtype, 'int8'::regtype, 'int2'::regtype, 'uuid'::regtype)
          and (w.n_distinct >= 2 or (w.n_distinct < 0 and w.n_distinct > -0.5))) f
    )
    select (select count(*) from filters where place <= 3)::int as total,
      (select count(*) from filters where place <= 3 and has_table_privilege(indrelid, 'select'))::int as examined,
      (select jsonb_agg(jsonb_build_object('index', f.indexrelid::regclass, 'table', f.indrelid::regclass, 'column', quote_ident(f.attname),
        'filter', quote_ident(f.filter), 'operator', f.operator, 'method', f.amname, 'rows', greatest(f.reltuples, 0)) order by f.reltuples desc, f.place)
        from filters f where f.place <= 3 and has_table_privilege(f.indrelid, 'select')) as found`,
  probe: ({ table, column, filter, operator, method, rows }) => ({
    text: `
      with sample as materialized (
        select t.${column} as q, t.${filter} as f from ${table} t tablesample system (${pageSample(rows)})
        where t.${column} is not null and t.${filter} is not null order by random() limit ${QUERIES}
      )
      select count(*)::int as searches, count(*) filter (where r.found < r.expected)::int as short, avg(r.found)::float8 as found,
        avg(r.expected)::float8 as expected, current_setting('${method}.iterative_scan', true) as iterative
      from (
        select (select count(*) from (select 1 from ${table} t where t.${filter} = s.f order by t.${column} ${operator} s.q limit ${K}) a) as found,
          (select count(*) from (select 1 from ${table} t where t.${filter} = s.f and t.${column} is not null limit ${K}) b) as expected
        from sample s
      ) r`,
    values: [],
  }),
  evaluate: (rows, { server }) =>
    rows
      .filter(({ short = 0 }) => short > 0)
      .map(({ index, table, filter, method, rows: size, searches = 0, short = 0, found, expected, iterative }) => ({
        object: `index ${index}, filter ${filter}`,
        summary: `${short} of ${searches} searches of ${table} (${count(size)} rows) with ${filter} = … returned too few rows: ${(found ?? 0).toFixed(1)} of ${(expected ?? 0).toFixed(1)} on average.`,
        evidence: [`${index}; ${method}.iterative_scan is ${iterative ?? 'off'}`],
        remedy: {
          text: `Set ${method}.iterative_scan in the transactions that search (set local), or for the role; here for all new sessions of this database. Few rows under a filter are better compared exactly.`,
          sql: [
            `alter database ${identifier(server.database)} set ${method}.iterative_scan = ${method === 'hnsw' ? 'strict_order' : 'relaxed_order'}`,
          ],
          lock: 'none',
          undo: `alter database ${identifier(server.database)} reset ${method}.iterative_scan`,
        },
      })),
})

/** A name as SQL takes it. */
const identifier = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)
