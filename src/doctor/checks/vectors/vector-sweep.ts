import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'
import { pageSample } from '../../page-sample.js'
import { VECTOR_INDEXES, type VectorIndex } from '../../vector-indexes.js'

interface Row extends VectorIndex {
  readonly now: string | null
  /** As it is set, then as it was tried. */
  readonly measured?: readonly { readonly value: number; readonly recall: number; readonly ms: number }[]
}

/** Searches of each setting, and rows of each. */
const QUERIES = 10
const K = 10
/** What is tried: candidates of HNSW, lists of IVFFlat. */
const VALUES = { hnsw: [40, 80, 160, 320], ivfflat: [1, 4, 16, 64] } as const
const SETTING = { hnsw: 'hnsw.ef_search', ivfflat: 'ivfflat.probes' } as const

/** 2.10: what would a search find, and cost, with more effort? */
export const vectorSweep = defineCheck<Row>({
  id: 'vector-sweep',
  title: 'Effort at which searches find enough',
  area: 'vectors',
  level: 'info',
  order: ORDER.indexes,
  depth: 'deep',
  needs: { extension: 'vector' },
  scope: 'indexes of vectors',
  absent: 'there is no index of vectors on a plain column',
  why: 'How much of the nearest a search finds, and how long it takes, both grow with ef_search (HNSW) or probes (IVFFlat). The right value is a matter of measuring: the least one that finds enough.',
  when: 'With the setting of this login less than vectorRecall of the ten nearest of up to ten rows of the table are found. The same rows are then searched with other values of the setting; recall and time of each are told. What a rebuild with other m, ef_construction or type would give, cannot be tried without building it.',
  advice:
    'Take the least value that finds enough, by set local in the transactions that search. When none does, rebuild with more ef_construction, or more suitable lists.',
  uses: ['vectorRecall'],
  sql: `
    with ${VECTOR_INDEXES}
    select count(*)::int as total, count(*) filter (where has_table_privilege(i.indrelid, 'select'))::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass, 'column', quote_ident(i.attname),
        'operator', i.operator, 'method', i.amname, 'rows', greatest(i.reltuples, 0),
        'now', current_setting(case i.amname when 'hnsw' then 'hnsw.ef_search' else 'ivfflat.probes' end, true)) order by i.reltuples desc)
        filter (where has_table_privilege(i.indrelid, 'select')) as found
    from indexes i`,
  explore: async ({ table, column, operator, rows, method, now }, ask) => {
    // The same rows each time: repeatable.
    const sample = `select t.${column} as q from ${table} t tablesample system (${pageSample(rows)}) repeatable (7)
        where t.${column} is not null limit ${QUERIES}`
    const near = `select t.${column} ${operator} s.q as d from ${table} t order by t.${column} ${operator} s.q limit ${K}`
    const searches = `with sample as materialized (${sample})
      select count(*)::int as queries, sum(a.n)::int as found from sample s cross join lateral (select count(*) as n from (${near}) x) a`
    const recall = `with sample as materialized (${sample})
      select count(*)::int as queries, avg(r.recall)::float8 as recall
      from (
        select (select count(*) from (${near}) a where a.d <= e.farthest + 1e-9)::float8 / nullif(e.n, 0) as recall
        from sample s cross join lateral (
          select max(x.d) as farthest, count(*) as n
          from (select t.${column} ${operator} s.q as d from ${table} t order by (t.${column} ${operator} s.q) + 0 limit ${K}) x) e
      ) r`
    const measured: NonNullable<Row['measured']>[number][] = []
    for (const value of [Number(now ?? VALUES[method][0]), ...VALUES[method]]) {
      const settings = { [SETTING[method]]: String(value) }
      const found = await ask<{ recall: number | null; queries: number }>({ text: recall, values: [], settings })
      const timed = await ask<{ queries: number }>({ text: searches, values: [], settings })
      if (found?.recall == null || timed === undefined) break
      measured.push({ value, recall: found.recall, ms: timed.milliseconds / Math.max(1, timed.queries) })
    }
    return { measured }
  },
  evaluate: (rows, { thresholds: { vectorRecall } }) =>
    rows.flatMap(({ index, table, method, rows: size, measured = [] }) => {
      const [asSet, ...tried] = measured
      if (asSet === undefined || asSet.recall >= vectorRecall) return []
      const enough = tried.find(({ recall }) => recall >= vectorRecall)
      const setting = SETTING[method]
      return [
        {
          object: `index ${index}`,
          summary:
            enough === undefined
              ? `No ${setting} up to ${VALUES[method].at(-1)} finds ${percent(vectorRecall)} of the ${K} nearest of ${table} (${count(size)} rows).`
              : `${setting} = ${enough.value} would find ${percent(enough.recall)} of the ${K} nearest of ${table} (${count(size)} rows); ${asSet.value} finds ${percent(asSet.recall)}.`,
          evidence: tried.map(
            ({ value, recall, ms }) =>
              `${setting} = ${value}: ${percent(recall)}, ${ms.toFixed(2)} ms a search in a batch of ${QUERIES}`,
          ),
          remedy: {
            text:
              enough === undefined
                ? 'Rebuild the index with more effort (ef_construction, m; or lists that fit the number of rows), and measure again.'
                : `Set local ${setting} = ${enough.value} in the transactions that search.`,
            lock: 'none',
            undo: 'none needed',
          },
        },
      ]
    }),
})
