import { defineAlert } from '../rule.js'

/** One forgotten commit holds up everybody. */
export const idleInTransaction = defineAlert({
  id: 'idle-in-transaction',
  title: 'A session is idle in a transaction',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_idle_in_transaction_seconds' },
    is: '>=',
    than: { threshold: 'idleInTransactionS' },
  },
  forS: 0,
  summary: 'A session has been idle in a transaction for {value|duration}.',
  meaning: 'It keeps its locks, and a snapshot that vacuum has to respect in every table.',
  action: 'The doctor names the session. End it, and set idle_in_transaction_session_timeout for its role.',
  check: 'idle-in-transaction',
})
