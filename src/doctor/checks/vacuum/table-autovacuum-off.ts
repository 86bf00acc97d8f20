import { defineCheck, ORDER } from '../../check.js'
import { count, counted, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly live: number
  readonly dead: number
  readonly option: string
}

/** A1: tables whose autovacuum somebody switched off. */
export const tableAutovacuumOff = defineCheck<Row>({
  id: 'table-autovacuum-off',
  title: 'Tables without autovacuum',
  area: 'vacuum',
  level: 'error',
  order: ORDER.vacuum,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'Nothing removes the dead rows of such a table, and nothing keeps its statistics: it grows, and plans go wrong. Only wraparound still forces a vacuum, at the worst time.',
  when: 'autovacuum_enabled is off for a table: an error with as many dead rows as the thresholds, a warning from vacuumRows on, else info.',
  advice: 'Take the option back. Where it was set for a bulk load, load first and vacuum afterwards.',
  uses: ['vacuumRows', 'deadRows', 'deadRowsShare'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', c.oid::regclass, 'live', greatest(s.n_live_tup, c.reltuples, 0),
        'dead', coalesce(s.n_dead_tup, 0), 'option', o.name) order by s.n_dead_tup desc nulls last, c.oid::regclass::text)
        filter (where o.name is not null) as found
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_stat_all_tables s on s.relid = c.oid
    left join lateral (select x.option_name as name from pg_options_to_table(c.reloptions) x
      where x.option_name = 'autovacuum_enabled' and x.option_value in ('false', 'off', 'no', '0', 'f', 'n', 'of')) o on true
    where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'`,
  evaluate: (rows, { thresholds: { vacuumRows, deadRows, deadRowsShare } }) =>
    rows.map(({ table, live, dead }) => {
      const grave = dead >= deadRows && dead >= deadRowsShare * (live + dead)
      return {
        object: `table ${table}`,
        level: grave ? ('error' as const) : live + dead >= vacuumRows ? ('warning' as const) : ('info' as const),
        summary: `Autovacuum is off for ${table}, which has ${counted(dead, 'dead row')} beside ${count(live)} live ones.`,
        evidence: live + dead > 0 ? [`${percent(dead / (live + dead))} of its rows are dead`] : [],
        remedy: {
          text: 'Take the option back, then vacuum once.',
          sql: [`alter table ${table} reset (autovacuum_enabled)`, `vacuum (analyze) ${table}`],
          lock: 'share update exclusive on the table: reads and writes go on',
          undo: `alter table ${table} set (autovacuum_enabled = off)`,
        },
      }
    }),
})
