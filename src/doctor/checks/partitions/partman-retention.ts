import { defineCheck, ORDER } from '../../check.js'
import { duration } from '../../figures.js'

interface Row {
  readonly table: string
  readonly retention: string
  readonly partitions: number
  readonly late: number
}

/** How late pg_partman's maintenance may be before it is a finding, in seconds. */
const GRACE_S = 2 * 86_400

/** 2.9: partitions that pg_partman ought to have dropped. */
export const partmanRetention = defineCheck<Row>({
  id: 'partman-retention',
  title: 'Partitions that pg_partman has not dropped',
  area: 'partitions',
  level: 'warning',
  order: ORDER.structure,
  needs: { extension: 'pg_partman', rights: 'select on its table part_config' },
  scope: 'tables of pg_partman with a retention in time',
  absent: 'no table of pg_partman has a retention in time',
  why: 'Retention is only done when the maintenance of pg_partman runs. When it does not, old partitions stay, and new ones will be missing.',
  when: 'A partition by time of a table with a retention in pg_partman’s part_config ended before it by more than two days.',
  advice: 'See that run_maintenance_proc() is scheduled, and that its last run succeeded.',
  sql: `
    with tables as (
      select to_regclass(c.parent_table) as parent, c.retention from {schema}.part_config c
      where c.retention is not null and c.retention !~ '^[0-9]+$'
    ),
    parts as (
      select t.parent, t.retention, substring(pg_get_expr(k.relpartbound, k.oid) from 'TO \\(''([0-9]{4}-[^'']+)''\\)')::timestamptz as high
      from tables t join pg_inherits i on i.inhparent = t.parent join pg_class k on k.oid = i.inhrelid
    )
    select (select count(*) from tables)::int as total, (select count(*) from tables)::int as examined,
      (select jsonb_agg(jsonb_build_object('table', g.parent, 'retention', g.retention, 'partitions', g.n, 'late', g.late) order by g.parent::text)
        from (select p.parent, p.retention, count(*) as n, max(extract(epoch from now() - p.retention::interval - p.high)) as late
          from parts p where p.high < now() - p.retention::interval group by 1, 2) g) as found`,
  evaluate: (rows) =>
    rows
      .filter(({ late }) => late > GRACE_S)
      .map(({ table, retention, partitions, late }) => ({
        object: `table ${table}`,
        summary: `${partitions} ${partitions === 1 ? 'partition' : 'partitions'} of ${table} ended before its retention of ${retention}, the oldest by ${duration(late)}.`,
        remedy: {
          text: 'Run the maintenance of pg_partman, and schedule it.',
          lock: 'access exclusive on the parent, for a moment a partition',
          undo: 'restore them from a backup; with retention_keep_table they are only detached',
        },
      })),
})
