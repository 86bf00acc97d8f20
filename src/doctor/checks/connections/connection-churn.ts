import { defineCheck, ORDER } from '../../check.js'
import { count, duration } from '../../figures.js'

interface Row {
  readonly sessions: number
  readonly seconds: number
  readonly since: number
}

/** Sessions an hour from which on a login each is a cost. */
const PER_HOUR = 3600
/** Seconds that a session lasts on average, below which nobody pools. */
const SHORT_S = 10

/** M7: does each request log in anew? */
export const connectionChurn = defineCheck<Row>({
  id: 'connection-churn',
  title: 'Short sessions',
  area: 'connections',
  level: 'warning',
  order: ORDER.advice,
  scope: 'databases',
  absent: 'statistics of this database have just been reset',
  why: 'A login costs a new process and milliseconds, with TLS and SCRAM more, and each new session fills its caches again.',
  when: 'More than one session a second was opened on average since the statistics were reset, and they lasted less than 10 s on average.',
  advice: 'Let the applications keep connections, or put a pooler in front.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('sessions', d.sessions, 'seconds', d.session_time / 1000 / greatest(d.sessions, 1),
        'since', extract(epoch from now() - coalesce(d.stats_reset, pg_postmaster_start_time())))) as found
    from pg_stat_database d
    where d.datname = current_database() and now() - coalesce(d.stats_reset, pg_postmaster_start_time()) > interval '1 hour'`,
  evaluate: (rows) =>
    rows
      .filter(({ sessions, seconds, since }) => sessions / since > PER_HOUR / 3600 && seconds < SHORT_S)
      .map(({ sessions, seconds, since }) => ({
        object: 'sessions',
        summary: `${count(sessions)} sessions in ${duration(since)} lasted ${duration(seconds)} on average.`,
        remedy: {
          text: 'Use the connection pool of the driver, or PgBouncer in transaction mode.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
