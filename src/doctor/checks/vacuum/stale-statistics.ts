import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly rows: number
  readonly modified: number
  readonly never: boolean
  readonly seconds: number | null
}

/** A13: tables of which the planner knows what was. */
export const staleStatistics = defineCheck<Row>({
  id: 'stale-statistics',
  title: 'Tables with stale statistics',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.statistics,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'The planner estimates from statistics. When many rows have changed since they were gathered, it chooses plans for a table that no longer exists.',
  when: 'Twice modifiedShare of the rows (and modifiedRows at least) changed since the last analyze, which was statisticsGraceS ago or never.',
  advice:
    'Analyse the table. When it happens again, lower autovacuum_analyze_scale_factor for it, or see why autovacuum does not come.',
  uses: ['modifiedShare', 'modifiedRows', 'statisticsGraceS'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', s.relid::regclass, 'rows', greatest(s.n_live_tup, c.reltuples, 0),
        'modified', s.n_mod_since_analyze, 'never', s.last_analyze is null and s.last_autoanalyze is null,
        'seconds', extract(epoch from clock_timestamp() - greatest(s.last_analyze, s.last_autoanalyze)))
        order by s.n_mod_since_analyze desc) filter (where s.n_mod_since_analyze > 0) as found
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where c.relkind in ('r', 'm') and c.relpersistence <> 't'`,
  evaluate: (rows, { thresholds: { modifiedShare, modifiedRows, statisticsGraceS }, server }) => {
    const sinceStart = (server.now.getTime() - server.startedAt.getTime()) / 1000
    return rows
      .filter(
        ({ rows: size, modified, seconds }) =>
          modified >= modifiedRows &&
          modified >= 2 * modifiedShare * size &&
          (seconds ?? sinceStart) >= statisticsGraceS,
      )
      .map(({ table, rows: size, modified, never }) => ({
        object: `table ${table}`,
        summary: never
          ? `${table}, with about ${count(size)} rows, was never analysed.`
          : `${count(modified)} of about ${count(size)} rows of ${table} (${percent(modified / Math.max(size, 1))}) changed since it was analysed.`,
        remedy: {
          text: 'Analyse it.',
          sql: [`analyze ${table}`],
          lock: 'share update exclusive on the table: reads and writes go on',
          undo: 'none needed',
        },
      }))
  },
})
