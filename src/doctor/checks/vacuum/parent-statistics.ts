import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly analyzed: number
  readonly since: number | null
  readonly rows: number
  readonly major: number
}

/** Growth since the last analyze from which on the statistics mislead. */
const GROWTH = 2

/** A12: partitioned tables whose statistics nobody gathers. */
export const parentStatistics = defineCheck<Row>({
  id: 'parent-statistics',
  title: 'Partitioned tables without statistics',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.statistics,
  scope: 'partitioned tables',
  absent: 'there are no partitioned tables',
  why: 'Autovacuum analyses partitions, never the partitioned table above them. Plans over several partitions then guess how many rows and values there are.',
  when: 'A partitioned table of analyzedParentRows rows and more was never analysed, or only while it was empty, parentStatisticsS ago or more (warning); or it has doubled since it was (info).',
  advice:
    'Analyse it now and from a schedule, daily or after each new partition. From PostgreSQL 18 on ANALYZE ONLY spares the partitions.',
  uses: ['analyzedParentRows', 'parentStatisticsS'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', c.oid::regclass, 'analyzed', c.reltuples, 'rows', l.rows,
        'since', extract(epoch from now() - pg_stat_get_last_analyze_time(c.oid)), 'major', current_setting('server_version_num')::int / 10000) order by l.rows desc, c.oid::regclass::text) as found
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
      select coalesce(sum(greatest(p.reltuples, s.n_live_tup, 0)), 0) as rows
      from pg_partition_tree(c.oid) t join pg_class p on p.oid = t.relid left join pg_stat_all_tables s on s.relid = p.oid
      where t.isleaf) l
    where c.relkind = 'p' and n.nspname !~ '^pg_temp'`,
  evaluate: (rows, { thresholds: { analyzedParentRows, parentStatisticsS } }) =>
    rows
      .filter(({ analyzed, rows: now }) => now >= analyzedParentRows && (analyzed < 0 || now > GROWTH * analyzed))
      .map(({ table, analyzed, since, rows: now, major }) => {
        // A table that was empty left nothing but the time, which begins the grace; a crash takes the time away.
        const lacks = analyzed < 0 || (analyzed === 0 && (since ?? Number.POSITIVE_INFINITY) >= parentStatisticsS)
        return {
          object: `table ${table}`,
          level: lacks ? ('warning' as const) : ('info' as const),
          summary:
            analyzed < 0
              ? `${table}, with about ${count(now)} rows, was never analysed.`
              : analyzed === 0
                ? `${table}, with about ${count(now)} rows, was empty when it was analysed.`
                : `${table} had ${count(analyzed)} rows when it was analysed, and has about ${count(now)}.`,
          remedy: {
            text: 'Analyse it, now and from a schedule.',
            sql: [`analyze ${major >= 18 ? 'only ' : ''}${table}`],
            lock: 'share update exclusive on the table: reads and writes go on',
            undo: 'none needed',
          },
        }
      }),
})
