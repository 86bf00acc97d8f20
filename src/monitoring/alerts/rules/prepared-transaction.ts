import { defineAlert } from '../rule.js'

/** Nobody sees it among the sessions. */
export const preparedTransaction = defineAlert({
  id: 'prepared-transaction',
  title: 'A prepared transaction is left over',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_prepared_transaction_oldest_seconds' },
    is: '>=',
    than: { threshold: 'preparedTransactionS' },
  },
  forS: 0,
  summary: 'A transaction was prepared {value|duration} ago and nobody has finished it.',
  meaning: 'It keeps its locks and its snapshot without a session, and survives a restart.',
  action: 'Ask its transaction manager how it ended, then commit it or roll it back, in its database.',
  check: 'prepared-transaction',
})
