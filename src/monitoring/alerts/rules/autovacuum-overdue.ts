import { defineAlert } from '../rule.js'

/** Overdue by their trigger; a day without vacuum alone is no fault. */
export const autovacuumOverdue = defineAlert({
  id: 'autovacuum-overdue',
  title: 'Autovacuum does not get to tables',
  level: 'warning',
  condition: { of: { metric: 'pgfleet_autovacuum_tables_overdue' }, is: '>', than: { value: 0 } },
  forS: 900,
  summary: '{value|count} tables of database {datname} are over their trigger and were not vacuumed for a day.',
  meaning:
    'They wait for a free worker, or their vacuum is interrupted again and again. Meanwhile their dead rows stay. A table that is idle is not counted.',
  action:
    'Vacuum them once, then raise autovacuum_vacuum_cost_limit, and only with it the number of workers, which share it.',
  check: 'vacuum-starved',
})
