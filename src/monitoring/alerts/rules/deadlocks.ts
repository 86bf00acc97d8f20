import { defineAlert } from '../rule.js'

/** By growth: the total since a reset says nothing of now. */
export const deadlocks = defineAlert({
  id: 'deadlocks',
  title: 'Transactions end in deadlocks',
  level: 'warning',
  condition: {
    of: { metric: 'pg_stat_database_deadlocks', increaseS: 3600 },
    is: '>=',
    than: { threshold: 'deadlocksPerHour' },
  },
  forS: 0,
  summary: '{value|count} transactions of database {datname} ended in a deadlock within an hour.',
  meaning:
    'Each ends a transaction after waiting for deadlock_timeout. Row locks taken in different orders are the usual reason, batches of upserts among them.',
  action:
    'Let all writers lock rows in the same order, and repeat transactions that end with 40P01. The log has both statements.',
  check: 'deadlocks',
})
