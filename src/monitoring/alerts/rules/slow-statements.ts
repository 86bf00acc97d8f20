import { defineAlert } from '../rule.js'

/** Of a quarter of an hour, not since a reset. */
export const slowStatements = defineAlert({
  id: 'slow-statements',
  title: 'A statement takes long on average',
  level: 'info',
  condition: {
    of: { metric: 'pg_stat_statements_seconds_total', increaseS: 900, whereNot: { queryid: 'other' } },
    per: [{ metric: 'pg_stat_statements_calls_total', increaseS: 900, whereNot: { queryid: 'other' } }],
    is: '>=',
    than: { threshold: 'statementMs', times: 1 / 1000 },
    and: [
      {
        of: { metric: 'pg_stat_statements_calls_total', increaseS: 900, whereNot: { queryid: 'other' } },
        is: '>=',
        than: { threshold: 'statementCalls' },
      },
    ],
  },
  forS: 900,
  summary: 'Statement {queryid} of {user} in database {datname} takes {value|duration} on average.',
  meaning:
    'pg_stat_statements knows means and no percentiles. A statement that is called often and takes long is where time can be won; that may also be what it is meant to take.',
  action: '`pgfleet explain` reads its plan; the metric pg_stat_statements_query_id has its text.',
  check: 'statement-load',
})
