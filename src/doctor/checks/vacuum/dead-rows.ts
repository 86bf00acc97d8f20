import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly dead: number
  readonly live: number
  readonly last: string | null
}

/** A7: tables of which much is dead. */
export const deadRows = defineCheck<Row>({
  id: 'dead-rows',
  title: 'Tables with many dead rows',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.vacuum,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'Dead rows take space and time in every scan. They stay while an old snapshot might need them, or until vacuum comes.',
  when: 'A table has as many dead rows as the first threshold, and they are as large a share of all as the second.',
  advice:
    'Look at the findings about old snapshots first: vacuum removes nothing that one of them might need. Then vacuum, and let autovacuum come sooner.',
  uses: ['deadRows', 'deadRowsShare'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', s.relid::regclass, 'dead', s.n_dead_tup, 'live', s.n_live_tup,
        'last', to_char(greatest(s.last_vacuum, s.last_autovacuum) at time zone 'UTC', 'YYYY-MM-DD HH24:MI"Z"'))
        order by s.n_dead_tup desc) filter (where s.n_dead_tup > 0 and s.n_dead_tup > 0.01 * s.n_live_tup) as found
    from pg_stat_user_tables s`,
  evaluate: (rows, { thresholds: { deadRows: least, deadRowsShare } }) =>
    rows
      .filter(({ dead, live }) => dead >= least && dead >= deadRowsShare * (dead + live))
      .map(({ table, dead, live, last }) => ({
        object: `table ${table}`,
        summary: `${percent(dead / (dead + live))} of ${table} is dead: ${count(dead)} rows beside ${count(live)} live ones.`,
        evidence: [last === null ? 'never vacuumed' : `last vacuumed at ${last}`],
        remedy: {
          text: 'Vacuum it, after old snapshots are gone.',
          sql: [`vacuum (analyze) ${table}`],
          lock: 'share update exclusive on the table: reads and writes go on',
          undo: 'none needed',
        },
      })),
})
