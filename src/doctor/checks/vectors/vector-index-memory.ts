import { defineCheck, ORDER } from '../../check.js'
import { bytes } from '../../figures.js'

interface Row {
  readonly index: string
  readonly bytes: number
  readonly shared: number
}

/** 2.10: HNSW indexes that do not fit into memory. */
export const vectorIndexMemory = defineCheck<Row>({
  id: 'vector-index-memory',
  title: 'HNSW indexes larger than shared_buffers',
  area: 'vectors',
  level: 'warning',
  order: ORDER.settings,
  needs: { extension: 'vector' },
  scope: 'HNSW indexes',
  absent: 'there is no HNSW index',
  why: 'A search in HNSW hops through pages all over the index: each that is not in memory is a random read.',
  when: 'One HNSW index is larger than shared_buffers.',
  advice:
    'Index it as halfvec (half the size) or as bits with a second look at the vectors, partition it, or give the server more memory.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', c.oid::regclass, 'bytes', c.relpages::float8 * 8192,
        'shared', s.setting::float8 * 8192) order by c.relpages desc) filter (where c.relpages > s.setting::float8) as found
    from pg_class c join pg_am m on m.oid = c.relam and m.amname = 'hnsw', pg_settings s
    where c.relkind = 'i' and s.name = 'shared_buffers'`,
  evaluate: (rows) =>
    rows.map(({ index, bytes: size, shared }) => ({
      object: `index ${index}`,
      summary: `${index} takes ${bytes(size)}; shared_buffers is ${bytes(shared)}.`,
      remedy: {
        text: 'Create it anew on the column cast to halfvec, measure the recall, and drop this one; or give the server more memory.',
        lock: 'create index concurrently: share update exclusive on the table',
        undo: 'keep the old index until the new one has proved itself',
      },
    })),
})
