import { gauge, group } from './family.js'

/** Connections, transactions and locks of now. */
export const ACTIVITY_METRICS = {
  sessions: group(
    'pg_stat_activity_',
    ['datname', 'state', 'usename', 'application_name', 'backend_type', 'wait_event_type', 'wait_event'],
    {
      count: gauge('Sessions in this state.'),
      max_tx_duration: gauge('Age of the oldest transaction among sessions in this state, in seconds.'),
    },
  ),
  long: group('pg_', [], {
    long_running_transactions: gauge('Client sessions whose transaction is older than 60 seconds.'),
    long_running_transactions_oldest_timestamp_seconds: gauge(
      'Age of the oldest transaction of a client session, in seconds; in spite of its name no timestamp.',
    ),
  }),
  transactions: group('pgfleet_', [], {
    idle_in_transaction_seconds: gauge('How long the session that is idle in a transaction longest has been so.'),
    prepared_transactions: gauge('Transactions that were prepared and neither committed nor rolled back.'),
    prepared_transaction_oldest_seconds: gauge('Age of the oldest prepared transaction; 0 without one.'),
    connections_used: gauge('Client sessions of all databases.'),
    connections_limit: gauge(
      'Sessions that logins without special rights may have together: max_connections less what is reserved.',
    ),
    lock_waiters: gauge('Sessions that wait for a lock.'),
    lock_wait_seconds: gauge('How long the session that waits for a lock longest has waited.'),
  }),
  locks: group('pg_locks_', ['datname', 'mode'], { count: gauge('Locks held or waited for, of this mode.') }),
  horizon: group('pgfleet_', ['component'], {
    xmin_age_transactions: gauge(
      'Age, in transactions, of the oldest snapshot that keeps vacuum from removing rows, by who holds it: session, prepared, slot, slot_catalog, standby.',
    ),
  }),
} as const
