import { defineAlert } from '../rule.js'

/** Vacuum waits for the oldest. */
export const longTransaction = defineAlert({
  id: 'long-transaction',
  title: 'A transaction runs for long',
  level: 'warning',
  condition: {
    of: { metric: 'pg_long_running_transactions_oldest_timestamp_seconds' },
    is: '>=',
    than: { threshold: 'longTransactionS' },
  },
  forS: 0,
  summary: 'The oldest transaction is {value|duration} old.',
  meaning:
    'While it runs, vacuum removes nothing that it could still see, and its locks stay. A backup by pg_dump is meant to take long.',
  action:
    'Let it end when it is a backup or a report; run reports on a standby, and break long jobs into several transactions.',
  check: 'long-transaction',
})
