import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly bytes: number
  readonly free?: number
  readonly dead?: number
}

/** A14: how much of the largest tables is free, measured. */
export const tableBloatMeasured = defineCheck<Row>({
  id: 'table-bloat-measured',
  title: 'Free space of tables, measured',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.vacuum,
  depth: 'deep',
  needs: { extension: 'pgstattuple', rights: 'pg_stat_scan_tables, or pg_monitor' },
  scope: 'tables of 1 MB and more',
  absent: 'no table has 1 MB',
  why: 'Estimates from statistics err; pgstattuple looks at the pages, those that vacuum has marked aside.',
  when: 'pgstattuple_approx finds bloatShare and bloatMb of a table free or dead. The largest tables come first, until the budget is used up.',
  advice: 'As for table-bloat.',
  uses: ['bloatShare', 'bloatMb'],
  sql: `
    with tables as (
      select c.oid, c.relpages from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and c.relpersistence <> 't' and c.relpages >= 128
        and n.nspname not in ('pg_catalog', 'information_schema') and c.relam = (select m.oid from pg_am m where m.amname = 'heap')
      order by c.relpages desc limit 1000
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.oid::regclass, 'oid', t.oid, 'bytes', t.relpages::float8 * 8192) order by t.relpages desc) as found
    from tables t`,
  probe: (row, { extensions }) => ({
    text: `select p.approx_free_space::float8 as free, p.dead_tuple_len::float8 as dead, p.table_len::float8 as bytes
      from ${extensions.pgstattuple?.schema}.pgstattuple_approx($1::oid::regclass) p`,
    values: [(row as Row & { oid: number }).oid],
  }),
  evaluate: (rows, { thresholds: { bloatShare, bloatMb } }) =>
    rows
      .map(({ table, bytes: size, free = 0, dead = 0 }) => ({ table, size, empty: free + dead, dead }))
      .filter(({ size, empty }) => empty >= bloatMb * 1024 ** 2 && empty >= bloatShare * size)
      .map(({ table, size, empty, dead }) => ({
        object: `table ${table}`,
        summary: `${percent(empty / size)} of ${table} (${bytes(size)}) is free or dead: ${bytes(empty)}, ${bytes(dead)} of it dead.`,
        remedy: {
          text: 'Let vacuum come sooner. Give the space back by pg_repack or pg_squeeze, when it is worth it.',
          lock: 'pg_repack: access exclusive for a moment at begin and end',
          undo: 'none needed',
        },
      })),
})
