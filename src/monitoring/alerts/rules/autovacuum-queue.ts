import { defineAlert } from '../rule.js'

/** The queue is what grows first. */
export const autovacuumQueue = defineAlert({
  id: 'autovacuum-queue',
  title: 'Many tables wait for autovacuum',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_autovacuum_tables_due', take: 'sum', without: ['datname'] },
    per: [{ metric: 'pgfleet_autovacuum_workers_limit' }],
    is: '>',
    than: { threshold: 'vacuumQueuePerWorker' },
  },
  forS: 1800,
  summary: '{value|count} tables wait for a vacuum for each worker.',
  meaning: 'Autovacuum is slower than what is written; dead rows pile up.',
  action: 'Raise autovacuum_vacuum_cost_limit, so that each vacuum ends sooner.',
  check: 'vacuum-starved',
})
