import { type Draft, defineCheck, ORDER } from '../../check.js'
import { count, duration } from '../../figures.js'

interface Row {
  readonly table: string
  readonly dead: number
  readonly trigger: number
  readonly age: number | null
  readonly running: boolean
  readonly workers: number
  readonly busy: number
}

/** A6: tables that autovacuum ought to have vacuumed. */
export const vacuumStarved = defineCheck<Row>({
  id: 'vacuum-starved',
  title: 'Tables that autovacuum does not get to',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.vacuum,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'A table over its trigger waits for a free worker, or its vacuum is interrupted again and again by locks. Meanwhile its dead rows stay.',
  when: 'A table with vacuumRows rows and more is over its trigger, was not vacuumed for vacuumStarvedS, and no worker is at it; or more tables wait than vacuumQueuePerWorker for each worker.',
  advice:
    'Vacuum these tables once, then raise autovacuum_vacuum_cost_limit (and only with it the number of workers). Where vacuum is interrupted, look for DDL or LOCK TABLE that comes often.',
  uses: ['vacuumRows', 'vacuumStarvedS', 'vacuumQueuePerWorker'],
  sql: `
    with tables as (
      select c.oid, s.n_dead_tup as dead, greatest(s.n_live_tup, c.reltuples, 0) as rows,
        coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x
            where x.option_name = 'autovacuum_vacuum_threshold'), current_setting('autovacuum_vacuum_threshold')::float8)
          + coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x
            where x.option_name = 'autovacuum_vacuum_scale_factor'), current_setting('autovacuum_vacuum_scale_factor')::float8)
            * greatest(c.reltuples, 0) as trigger,
        coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x
          where x.option_name = 'autovacuum_vacuum_max_threshold'),
          nullif(current_setting('autovacuum_vacuum_max_threshold', true), '')::float8, -1) as max,
        extract(epoch from clock_timestamp() - greatest(s.last_vacuum, s.last_autovacuum)) as age,
        exists (select from pg_stat_progress_vacuum p where p.relid = c.oid) as running
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_stat_all_tables s on s.relid = c.oid
      where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
        and not coalesce(array_to_string(c.reloptions, ','), '') ~ 'autovacuum_enabled=(false|off|no|0|f|n)'
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.oid::regclass, 'dead', t.dead, 'running', t.running, 'age', t.age,
        'trigger', case when t.max >= 0 then least(t.trigger, t.max) else t.trigger end, 'rows', t.rows,
        'workers', current_setting('autovacuum_max_workers')::int,
        'busy', (select count(*) from pg_stat_progress_vacuum))
        order by t.dead / greatest(t.trigger, 1) desc)
        filter (where t.dead > case when t.max >= 0 then least(t.trigger, t.max) else t.trigger end) as found
    from tables t`,
  evaluate: (rows, { thresholds: { vacuumRows, vacuumStarvedS, vacuumQueuePerWorker }, server }) => {
    const waiting = (rows as (Row & { rows: number })[]).filter(
      (row) => row.rows + row.dead >= vacuumRows && !row.running,
    )
    const sinceStart = (server.now.getTime() - server.startedAt.getTime()) / 1000
    const drafts = waiting
      .filter(({ age }) => (age ?? sinceStart) >= vacuumStarvedS)
      .map(
        ({ table, dead, trigger, age }): Draft => ({
          object: `table ${table}`,
          summary: `${table} has ${count(dead)} dead rows, ${(dead / trigger).toFixed(1)} times what triggers a vacuum, and ${age === null ? 'was never vacuumed' : `was vacuumed ${duration(age)} ago`}.`,
          remedy: {
            text: 'Vacuum it once, then give autovacuum a larger budget.',
            sql: [`vacuum (analyze) ${table}`],
            lock: 'share update exclusive on the table: reads and writes go on',
            undo: 'none needed',
          },
        }),
      )
    const [{ workers, busy }] = rows.length > 0 ? (rows as [Row]) : [{ workers: 1, busy: 0 }]
    if (waiting.length > vacuumQueuePerWorker * workers) {
      drafts.push({
        object: 'autovacuum',
        summary: `${count(waiting.length)} tables wait for a vacuum; ${busy} of ${workers} workers are busy.`,
        remedy: {
          text: 'Raise autovacuum_vacuum_cost_limit, so that each vacuum ends sooner; all workers share it.',
          sql: ['alter system set autovacuum_vacuum_cost_limit = 1000', 'select pg_reload_conf()'],
          lock: 'none',
          undo: 'alter system reset autovacuum_vacuum_cost_limit, then reload',
        },
      })
    }
    return drafts
  },
})
