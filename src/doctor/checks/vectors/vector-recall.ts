import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'
import { pageSample } from '../../page-sample.js'
import { VECTOR_INDEXES, type VectorIndex } from '../../vector-indexes.js'

interface Row extends VectorIndex {
  readonly recall?: number | null
  readonly worst?: number | null
  readonly queries?: number
}

/** Searches that are compared, and rows of each. */
const QUERIES = 20
const K = 10

/** 2.10: how many of the nearest an index finds. */
export const vectorRecall = defineCheck<Row>({
  id: 'vector-recall',
  title: 'Indexes of vectors that miss the nearest',
  area: 'vectors',
  level: 'warning',
  order: ORDER.indexes,
  depth: 'deep',
  needs: { extension: 'vector' },
  scope: 'indexes of vectors',
  absent: 'there is no index of vectors on a plain column',
  why: 'HNSW and IVFFlat find most of the nearest rows, never surely all; how many depends on the data, the settings and what was inserted since.',
  when: 'Of the ten nearest of up to twenty rows of the table itself the search as the planner runs it finds less than the threshold, compared with the exact order. Rows that a search meets are easier than real questions: real recall is lower rather than higher.',
  advice:
    'Raise ef_search (or probes) in the transactions that search. Rebuild with more ef_construction when that is not enough.',
  uses: ['vectorRecall'],
  sql: `
    with ${VECTOR_INDEXES}
    select count(*)::int as total, count(*) filter (where has_table_privilege(i.indrelid, 'select'))::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass, 'column', quote_ident(i.attname),
        'operator', i.operator, 'method', i.amname, 'rows', greatest(i.reltuples, 0)) order by i.reltuples desc)
        filter (where has_table_privilege(i.indrelid, 'select')) as found
    from indexes i`,
  probe: ({ table, column, operator, rows }) => ({
    text: `
      with sample as materialized (
        select t.${column} as q from ${table} t tablesample system (${pageSample(rows)}) where t.${column} is not null
        order by random() limit ${QUERIES}
      )
      select count(*)::int as queries, avg(r.recall)::float8 as recall, min(r.recall)::float8 as worst
      from (
        select (select count(*) from (select t.${column} ${operator} s.q as d from ${table} t order by t.${column} ${operator} s.q limit ${K}) a
            where a.d <= e.farthest + 1e-9)::float8 / nullif(e.n, 0) as recall
        from sample s cross join lateral (
          select max(x.d) as farthest, count(*) as n
          from (select t.${column} ${operator} s.q as d from ${table} t order by (t.${column} ${operator} s.q) + 0 limit ${K}) x) e
      ) r`,
    values: [],
  }),
  evaluate: (rows, { thresholds }) =>
    rows
      .filter(({ recall, queries = 0 }) => queries > 0 && (recall ?? 1) < thresholds.vectorRecall)
      .map(({ index, table, method, rows: size, recall, worst, queries = 0 }) => ({
        object: `index ${index}`,
        summary: `Searches of ${table} (${count(size)} rows) find ${percent(recall ?? 0)} of the ${K} nearest, over ${queries} searches; the worst ${percent(worst ?? 0)}.`,
        evidence: [`${index}, ${method}`],
        remedy: {
          text:
            method === 'hnsw'
              ? 'Set local hnsw.ef_search higher in the transactions that search, and measure again.'
              : 'Set local ivfflat.probes higher in the transactions that search; rebuild when the data have changed much since it was built.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
