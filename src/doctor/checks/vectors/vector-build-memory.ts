import { defineCheck, ORDER } from '../../check.js'
import { bytes } from '../../figures.js'

interface Row {
  readonly index: string
  readonly bytes: number
  readonly memory: number
}

/** 2.10: will the next build of an HNSW index fit into memory? */
export const vectorBuildMemory = defineCheck<Row>({
  id: 'vector-build-memory',
  title: 'HNSW indexes larger than maintenance_work_mem',
  area: 'vectors',
  level: 'info',
  order: ORDER.advice,
  needs: { extension: 'vector' },
  scope: 'HNSW indexes',
  absent: 'there is no HNSW index',
  why: 'A build is fast while its graph fits into maintenance_work_mem, and many times slower from the row on that does not: the server says so in a NOTICE that nobody reads.',
  when: 'An HNSW index is larger than maintenance_work_mem of this login.',
  advice:
    'Set maintenance_work_mem for the session that builds, as much as the machine has to spare; not for all: each worker of autovacuum may take it too, unless autovacuum_work_mem is set.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', c.oid::regclass, 'bytes', c.relpages::float8 * 8192, 'memory', s.setting::float8 * 1024)
        order by c.relpages desc) filter (where c.relpages::float8 * 8 > s.setting::float8) as found
    from pg_class c join pg_am m on m.oid = c.relam and m.amname = 'hnsw', pg_settings s
    where c.relkind = 'i' and s.name = 'maintenance_work_mem'`,
  evaluate: (rows) =>
    rows.map(({ index, bytes: size, memory }) => ({
      object: `index ${index}`,
      summary: `${index} takes ${bytes(size)}; maintenance_work_mem is ${bytes(memory)}: its next build will be slow.`,
      remedy: {
        text: `Before a rebuild set maintenance_work_mem of that session above ${bytes(size)}.`,
        lock: 'none',
        undo: 'reset maintenance_work_mem',
      },
    })),
})
