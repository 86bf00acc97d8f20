import { ACTIVITY_METRICS } from '../metrics/activity.js'
import type { Source } from './source.js'

/** Transactions and connections in a few figures. */
export const transactions: Source = {
  id: 'transactions',
  title: 'long transactions, connections in use, waits for locks',
  needs: { all: true, rights: 'pg_monitor' },
  groups: [ACTIVITY_METRICS.long, ACTIVITY_METRICS.transactions],
  sql: `
    select count(*) filter (where a.xact_start < clock_timestamp() - interval '60 seconds' and a.backend_type = 'client backend')
        as long_running_transactions,
      coalesce(max(extract(epoch from clock_timestamp() - a.xact_start)) filter (where a.backend_type = 'client backend'), 0)::float8
        as long_running_transactions_oldest_timestamp_seconds,
      coalesce(max(extract(epoch from clock_timestamp() - a.state_change)) filter (where a.state like 'idle in transaction%'), 0)::float8
        as idle_in_transaction_seconds,
      (select count(*) from pg_prepared_xacts) as prepared_transactions,
      (select coalesce(max(extract(epoch from clock_timestamp() - p.prepared)), 0)::float8 from pg_prepared_xacts p)
        as prepared_transaction_oldest_seconds,
      count(*) filter (where a.backend_type = 'client backend') as connections_used,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) as connections_limit,
      count(*) filter (where a.wait_event_type = 'Lock') as lock_waiters,
      (select coalesce(max(extract(epoch from clock_timestamp() - l.waitstart)), 0)::float8 from pg_locks l where not l.granted)
        as lock_wait_seconds
    from pg_stat_activity a
    where a.pid <> pg_backend_pid()`,
}
