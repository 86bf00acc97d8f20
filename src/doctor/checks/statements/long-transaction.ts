import { defineCheck, ORDER } from '../../check.js'
import { duration } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly pid: number
  readonly user: string
  readonly database: string
  readonly application: string
  readonly since: string
  readonly age: number
  readonly query: string
  readonly writes: boolean
}

/** Q3: transactions that run for long. */
export const longTransaction = defineCheck<Row>({
  id: 'long-transaction',
  title: 'Transactions that run for long',
  area: 'statements',
  level: 'warning',
  order: ORDER.blocking,
  scope: 'sessions',
  absent: 'nobody else is connected',
  blind: 'the login sees no sessions of others: grant pg_monitor to it',
  why: 'While a transaction runs, vacuum removes nothing that it could still see, and its locks stay.',
  when: 'A transaction of a session that is at work is older than the threshold. Idle ones have a check of their own; dumps and base backups are meant to take long, and are told all the same.',
  advice:
    'Let it end when it is a backup or a report; run reports on a standby. Break long jobs into several transactions.',
  uses: ['longTransactionS'],
  sql: `
    select count(*)::int as total, count(a.state)::int as examined,
      jsonb_agg(jsonb_build_object('pid', a.pid, 'user', a.usename, 'database', a.datname, 'application', a.application_name,
        'since', a.backend_start, 'age', extract(epoch from clock_timestamp() - a.xact_start), 'query', left(a.query, 2000),
        'writes', a.backend_xid is not null) order by a.xact_start) filter (where a.state = 'active' and a.xact_start is not null) as found
    from pg_stat_activity a where (a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null)) and a.pid <> pg_backend_pid()`,
  evaluate: (rows, { thresholds: { longTransactionS } }) =>
    rows
      .filter(({ age }) => age >= longTransactionS)
      .map(({ pid, user, database, application, since, age, query, writes }) => ({
        object: `session ${pid} of ${user}@${database} since ${since}`,
        level: application === 'pg_dump' || application === 'pg_basebackup' ? ('info' as const) : ('warning' as const),
        summary: `Session ${pid} (${user}@${database}${application ? `, ${application}` : ''}) has run a transaction for ${duration(age)}.`,
        evidence: [writes ? 'it has written' : 'it has only read so far', `statement: ${redact(query)}`],
        remedy: {
          text: 'Let it end, or cancel its statement when nobody waits for the result.',
          sql: [`select pg_cancel_backend(${pid})`],
          lock: 'none',
          undo: 'none: its transaction is rolled back',
        },
      })),
})
