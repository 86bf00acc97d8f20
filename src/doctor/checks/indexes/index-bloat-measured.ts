import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly index: string
  readonly bytes: number
  readonly density?: number
  readonly deleted?: number
}

/** A leaf page that was filled at random is about this full; a fresh index 90 %. */
const DENSITY_NORMAL = 0.69

/** A15: how full the pages of B-trees are, measured. */
export const indexBloatMeasured = defineCheck<Row>({
  id: 'index-bloat-measured',
  title: 'Free space of B-trees, measured',
  area: 'indexes',
  level: 'warning',
  order: ORDER.indexes,
  depth: 'deep',
  needs: { extension: 'pgstattuple', rights: 'pg_stat_scan_tables, or pg_monitor' },
  scope: 'B-trees of 1 MB and more',
  absent: 'no B-tree has 1 MB',
  why: 'An index whose pages are half empty takes twice the memory and twice the reads. A B-tree that is filled at random settles at about 69 %, so that alone is no fault.',
  when: 'Compared with pages 69 % full, indexBloatShare and indexBloatMb of an index are free (pgstatindex). The largest come first, until the budget is used up.',
  advice: 'Rebuild it concurrently, and see whether a vacuum that comes sooner would have kept it small.',
  uses: ['indexBloatShare', 'indexBloatMb'],
  sql: `
    with indexes as (
      select c.oid, c.relpages from pg_class c join pg_am m on m.oid = c.relam and m.amname = 'btree'
      join pg_namespace n on n.oid = c.relnamespace join pg_index i on i.indexrelid = c.oid and i.indisvalid
      where c.relkind = 'i' and c.relpages >= 128 and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      order by c.relpages desc limit 1000
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.oid::regclass, 'oid', i.oid, 'bytes', i.relpages::float8 * 8192) order by i.relpages desc) as found
    from indexes i`,
  probe: (row, { extensions }) => ({
    text: `select p.avg_leaf_density::float8 / 100 as density, p.deleted_pages::float8 * 8192 as deleted, p.index_size::float8 as bytes
      from ${extensions.pgstattuple?.schema}.pgstatindex($1::oid::regclass) p`,
    values: [(row as Row & { oid: number }).oid],
  }),
  evaluate: (rows, { thresholds: { indexBloatShare, indexBloatMb } }) =>
    rows
      .map(({ index, bytes: size, density = 1, deleted = 0 }) => ({
        index,
        size,
        density,
        free: Math.max(0, (size - deleted) * (1 - density / DENSITY_NORMAL)) + deleted,
      }))
      .filter(({ size, free }) => free >= indexBloatMb * 1024 ** 2 && free >= indexBloatShare * size)
      .map(({ index, size, density, free }) => ({
        object: `index ${index}`,
        summary: `Pages of ${index} (${bytes(size)}) are ${percent(density)} full: about ${bytes(free)} are free.`,
        remedy: {
          text: 'Rebuild it.',
          sql: [`reindex index concurrently ${index}`],
          lock: 'share update exclusive on the table: reads and writes go on; it needs as much space again',
          undo: 'none needed',
        },
      })),
})
