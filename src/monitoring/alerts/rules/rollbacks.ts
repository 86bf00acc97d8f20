import { TRANSACTIONS_MIN } from '../../../doctor/checks/statements/rollbacks.js'
import { defineAlert } from '../rule.js'

/** A share of few transactions says nothing. */
export const rollbacks = defineAlert({
  id: 'rollbacks',
  title: 'Many transactions are rolled back',
  level: 'warning',
  condition: {
    of: { metric: 'pg_stat_database_xact_rollback', increaseS: 900 },
    per: [
      { metric: 'pg_stat_database_xact_commit', increaseS: 900 },
      { metric: 'pg_stat_database_xact_rollback', increaseS: 900 },
    ],
    is: '>',
    than: { threshold: 'rollbackShare' },
    and: [
      { of: { metric: 'pg_stat_database_xact_commit', increaseS: 900 }, is: '>=', than: { value: TRANSACTIONS_MIN } },
    ],
  },
  forS: 900,
  summary: '{value|percent} of the transactions of database {datname} were rolled back.',
  meaning:
    'Errors that the application repeats, or conflicts between its transactions: the work is done and thrown away.',
  action: 'The log has the errors. Look for one that has a new release as its beginning.',
  check: 'rollbacks',
})
