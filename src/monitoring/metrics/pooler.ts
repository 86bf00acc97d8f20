import { counter, gauge, group } from './family.js'

/** PgBouncer, by its console. */
export const POOLER_METRICS = {
  up: group('pgfleet_pooler_', [], {
    up: gauge('1 when the console answered the last collection, else 0. Absent without --pooler-url.'),
  }),
  pools: group('pgfleet_pooler_', ['database', 'user'], {
    clients_active: gauge('Clients with a server connection, or idle.'),
    clients_waiting: gauge('Clients that wait for a server connection.'),
    servers_active: gauge('Server connections in use.'),
    servers_idle: gauge('Server connections free to use.'),
    longest_wait_seconds: gauge('How long the client that waits longest has waited.'),
  }),
  totals: group('pgfleet_pooler_', ['database'], {
    transactions_total: counter('Transactions.'),
    queries_total: counter('Queries.'),
    received_bytes_total: counter('Bytes received from clients.'),
    sent_bytes_total: counter('Bytes sent to clients.'),
    transaction_seconds_total: counter('Time that clients were in transactions.'),
    query_seconds_total: counter('Time spent in queries.'),
    wait_seconds_total: counter('Time that clients waited for a server connection.'),
  }),
} as const
