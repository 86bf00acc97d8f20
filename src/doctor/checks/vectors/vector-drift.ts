import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'
import { VECTOR_INDEXES, type VectorIndex } from '../../vector-indexes.js'

interface Row extends VectorIndex {
  readonly pages: number
  readonly old?: number | null
  readonly fresh?: number | null
  readonly queries?: number
}

/** Searches of each kind, rows of each, and pages at either end of the table that they are taken from. */
const QUERIES = 15
const K = 10
const PAGES = 200

/** 2.10: does an index find new rows as well as those that it was built on? */
export const vectorDrift = defineCheck<Row>({
  id: 'vector-drift',
  title: 'Indexes of vectors that have drifted',
  area: 'vectors',
  level: 'warning',
  order: ORDER.indexes,
  depth: 'deep',
  needs: { extension: 'vector' },
  scope: 'indexes of vectors',
  absent: 'there is no index of vectors on a plain column of a table of 400 pages and more',
  why: 'IVFFlat keeps the lists that it chose from the rows that were there when it was built; rows of another kind, from a new model or a new subject, fall between them and are missed. HNSW adapts, but loses too when its neighbours were deleted a lot.',
  when: 'Around rows from the last pages of the table the search finds vectorDrift less of the ten nearest than around rows from its first pages, as the planner runs it. Where vacuum has made room at the front, new rows lie there too: then too little is seen, not too much.',
  advice: 'Rebuild the index concurrently, and look again; for IVFFlat with lists that fit the rows of today.',
  uses: ['vectorDrift'],
  sql: `
    with ${VECTOR_INDEXES}
    select count(*)::int as total, count(*) filter (where has_table_privilege(i.indrelid, 'select'))::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass, 'column', quote_ident(i.attname),
        'operator', i.operator, 'method', i.amname, 'rows', greatest(i.reltuples, 0), 'pages', i.relpages) order by i.reltuples desc)
        filter (where has_table_privilege(i.indrelid, 'select')) as found
    from indexes i
    where i.relpages >= ${2 * PAGES}`,
  probe: ({ table, column, operator, pages }) => ({
    text: `
      with sample as materialized (
        (select t.${column} as q, false as fresh from ${table} t where t.ctid < '(${PAGES},0)'::tid and t.${column} is not null
          order by random() limit ${QUERIES})
        union all
        (select t.${column}, true from ${table} t where t.ctid >= '(${pages - PAGES},0)'::tid and t.${column} is not null
          order by random() limit ${QUERIES})
      )
      select least(count(*) filter (where r.fresh), count(*) filter (where not r.fresh))::int as queries,
        (avg(r.recall) filter (where not r.fresh))::float8 as old, (avg(r.recall) filter (where r.fresh))::float8 as fresh
      from (
        select s.fresh, (select count(*) from (select t.${column} ${operator} s.q as d from ${table} t order by t.${column} ${operator} s.q limit ${K}) a
            where a.d <= e.farthest + 1e-9)::float8 / nullif(e.n, 0) as recall
        from sample s cross join lateral (
          select max(x.d) as farthest, count(*) as n
          from (select t.${column} ${operator} s.q as d from ${table} t order by (t.${column} ${operator} s.q) + 0 limit ${K}) x) e
      ) r`,
    values: [],
  }),
  evaluate: (rows, { thresholds: { vectorDrift: most } }) =>
    rows
      .filter(({ queries = 0, old, fresh }) => queries >= QUERIES / 3 && (old ?? 0) - (fresh ?? 1) >= most)
      .map(({ index, table, method, rows: size, old, fresh, queries = 0 }) => ({
        object: `index ${index}`,
        summary: `Around old rows of ${table} (${count(size)} rows) ${percent(old ?? 0)} of the ${K} nearest are found, around new ones ${percent(fresh ?? 0)}, over ${queries} searches each.`,
        evidence: [`${index}, ${method}`],
        remedy: {
          text: 'Rebuild it on the rows of today.',
          sql: [`reindex index concurrently ${index}`],
          lock: 'share update exclusive on the table: reads and writes go on; it needs as much space again',
          undo: 'none needed',
        },
      })),
})
