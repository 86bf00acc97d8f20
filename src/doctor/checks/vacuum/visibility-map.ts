import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly bytes: number
  readonly visible: number
  readonly inserted: number
}

/** A11: tables whose pages are not known to be visible to all. */
export const visibilityMap = defineCheck<Row>({
  id: 'visibility-map',
  title: 'Tables that index-only scans cannot trust',
  area: 'vacuum',
  level: 'info',
  order: ORDER.vacuum,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'An index-only scan has to look into the table for each page that vacuum has not marked as visible to all; and freezing such a table takes one long vacuum at last.',
  when: 'A table of 1 GB and more has less than half of its pages marked.',
  advice: 'Vacuum it once. When inserts alone fill it, lower autovacuum_vacuum_insert_scale_factor for it.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', c.oid::regclass, 'bytes', c.relpages::float8 * 8192,
        'visible', c.relallvisible::float8 / greatest(c.relpages, 1), 'inserted', s.n_ins_since_vacuum) order by c.relpages desc)
        filter (where c.relpages::float8 * 8192 >= 1024.0 ^ 3 and c.relallvisible < 0.5 * c.relpages) as found
    from pg_class c join pg_stat_user_tables s on s.relid = c.oid
    where c.relkind in ('r', 'm')`,
  evaluate: (rows) =>
    rows.map(({ table, bytes: size, visible }) => ({
      object: `table ${table}`,
      summary: `${percent(visible)} of ${table} (${bytes(size)}) is marked as visible to all.`,
      remedy: {
        text: 'Vacuum it; let inserts trigger a vacuum sooner where they alone fill it.',
        sql: [`vacuum ${table}`, `alter table ${table} set (autovacuum_vacuum_insert_scale_factor = 0.02)`],
        lock: 'share update exclusive on the table: reads and writes go on',
        undo: `alter table ${table} reset (autovacuum_vacuum_insert_scale_factor)`,
      },
    })),
})
