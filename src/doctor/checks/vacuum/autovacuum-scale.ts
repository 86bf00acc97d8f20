import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly bytes: number
  readonly rows: number
  readonly scale: number
  readonly trigger: number
  readonly max: number | null
}

/** A3: how many dead rows a large table gathers before vacuum comes. */
export const autovacuumScale = defineCheck<Row>({
  id: 'autovacuum-scale',
  title: 'Large tables that are vacuumed seldom',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.vacuum,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'A fifth of a large table is very many dead rows: they take space and slow scans, and the vacuum that comes at last runs long.',
  when: 'A table of 10 GB and more is vacuumed after a share of 0.2 and more of its rows, and no autovacuum_vacuum_max_threshold (PostgreSQL 18) stops short of 100 million.',
  advice:
    'Give the table a small share or an absolute number. An append-only table has no dead rows: there the insert trigger matters.',
  sql: `
    with tables as (
      select c.oid, c.relpages::float8 * 8192 as bytes, c.reltuples,
        coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x
          where x.option_name = 'autovacuum_vacuum_scale_factor'), current_setting('autovacuum_vacuum_scale_factor')::float8) as scale,
        coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x
          where x.option_name = 'autovacuum_vacuum_threshold'), current_setting('autovacuum_vacuum_threshold')::float8) as base,
        coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x
          where x.option_name = 'autovacuum_vacuum_max_threshold'),
          nullif(current_setting('autovacuum_vacuum_max_threshold', true), '')::float8) as max
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.oid::regclass, 'bytes', t.bytes, 'rows', t.reltuples, 'scale', t.scale,
        'max', t.max, 'trigger', t.base + t.scale * t.reltuples) order by t.bytes desc)
        filter (where t.scale >= 0.2 and t.bytes >= 10 * 1024.0 ^ 3
          and (coalesce(t.max, -1) < 0 or t.max > 1e8)
          and exists (select from pg_stat_all_tables s where s.relid = t.oid and s.n_tup_upd + s.n_tup_del > 0)) as found
    from tables t`,
  evaluate: (rows) =>
    rows.map(({ table, bytes: size, rows: tuples, scale, trigger }) => ({
      object: `table ${table}`,
      summary: `${table} (${bytes(size)}, ${count(tuples)} rows) is vacuumed after ${percent(scale)}: ${count(trigger)} dead rows.`,
      remedy: {
        text: 'Let vacuum come sooner for this table.',
        sql: [`alter table ${table} set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 100000)`],
        lock: 'share update exclusive on the table: reads and writes go on',
        undo: `alter table ${table} reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)`,
      },
    })),
})
