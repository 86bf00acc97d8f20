import { defineCheck, ORDER } from '../../check.js'
import { duration } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly pid: number
  readonly user: string
  readonly database: string
  readonly application: string
  readonly since: string
  readonly idle: number
  readonly age: number
  readonly query: string
}

/** M8: sessions that have opened a transaction and do nothing in it. */
export const idleInTransaction = defineCheck<Row>({
  id: 'idle-in-transaction',
  title: 'Idle sessions with an open transaction',
  area: 'connections',
  level: 'error',
  order: ORDER.blocking,
  scope: 'sessions',
  absent: 'nobody else is connected',
  blind: 'the login sees no sessions of others: grant pg_monitor to it',
  why: 'An open transaction keeps its locks and its snapshot: others wait for the locks, and vacuum may remove nothing that is newer than the snapshot, in any table.',
  when: 'A session has been idle in a transaction for longer than the thresholds.',
  advice:
    'End the session, then find where the application forgets to commit. `idle_in_transaction_session_timeout` for its role keeps it from coming back.',
  uses: ['idleInTransactionS', 'idleInTransactionErrorS'],
  sql: `
    select count(*)::int as total, count(*) filter (where a.state is not null)::int as examined,
      jsonb_agg(jsonb_build_object('pid', a.pid, 'user', a.usename, 'database', a.datname,
          'application', a.application_name, 'since', a.backend_start, 'query', left(a.query, 2000),
          'idle', extract(epoch from clock_timestamp() - a.state_change),
          'age', extract(epoch from clock_timestamp() - a.xact_start)) order by a.state_change)
        filter (where a.state in ('idle in transaction', 'idle in transaction (aborted)')) as found
    from pg_stat_activity a
    where (a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null)) and a.pid <> pg_backend_pid()`,
  evaluate: (rows, { thresholds: { idleInTransactionS, idleInTransactionErrorS } }) =>
    rows
      .filter(({ idle }) => idle >= idleInTransactionS)
      .map(({ pid, user, database, application, since, idle, age, query }) => ({
        object: `session ${pid} of ${user}@${database} since ${since}`,
        level: idle >= idleInTransactionErrorS ? ('error' as const) : ('warning' as const),
        summary: `Session ${pid} (${user}@${database}${application ? `, ${application}` : ''}) has been idle in a transaction for ${duration(idle)}.`,
        evidence: [`transaction open for ${duration(age)}`, `last statement: ${redact(query)}`],
        remedy: {
          text: 'End the session; the client gets an error. Then set idle_in_transaction_session_timeout for its role.',
          sql: [`select pg_terminate_backend(${pid})`],
          lock: 'none',
          undo: 'none: its transaction is rolled back',
        },
      })),
})
