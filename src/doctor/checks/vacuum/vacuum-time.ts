import { defineCheck, ORDER } from '../../check.js'
import { duration, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly seconds: number
  readonly since: number
}

/** A19: tables that keep a worker busy. */
export const vacuumTime = defineCheck<Row>({
  id: 'vacuum-time',
  title: 'Tables that keep vacuum busy',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.vacuum,
  versions: { from: 18 },
  scope: 'tables',
  absent: 'there are no tables',
  why: 'A table that is vacuumed most of the time leaves fewer workers for the others; each of its vacuums reads all its indexes.',
  when: 'Vacuums of a table took more than the threshold of the time since the statistics were reset, or the server was started, an hour at least.',
  advice: 'Partition it, drop indexes it does not need, make its updates HOT, or raise the cost limit.',
  uses: ['vacuumTimeShare'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.relid::regclass, 'seconds', t.busy / 1000,
        'since', extract(epoch from clock_timestamp() - greatest(d.stats_reset, pg_postmaster_start_time())))
        order by t.busy desc)
        filter (where t.busy > 0) as found
    from (select s.relid, ((to_jsonb(s) ->> 'total_vacuum_time')::float8 + (to_jsonb(s) ->> 'total_autovacuum_time')::float8) as busy
      from pg_stat_user_tables s) t, pg_stat_database d
    where d.datname = current_database()`,
  evaluate: (rows, { thresholds: { vacuumTimeShare } }) =>
    rows
      .filter(({ seconds, since }) => since >= 3600 && seconds > vacuumTimeShare * since)
      .map(({ table, seconds, since }) => ({
        object: `table ${table}`,
        summary: `Vacuums of ${table} took ${duration(seconds)} of ${duration(since)} (${percent(seconds / since)}).`,
        remedy: {
          text: 'See whether it has indexes that nobody needs, and whether its updates can be HOT; then raise autovacuum_vacuum_cost_limit.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
