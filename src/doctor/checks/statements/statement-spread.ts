import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly key: string
  readonly query: string
  readonly calls: number
  readonly mean: number
  readonly deviation: number
  readonly longest: number
}

/** Deviation in means from which times vary a lot. */
const SPREAD = 3
/** Statements that are told. */
const TOLD = 5

/** Q1: statements that are fast, and sometimes very slow. */
export const statementSpread = defineCheck<Row>({
  id: 'statement-spread',
  title: 'Statements whose time varies a lot',
  area: 'statements',
  level: 'info',
  order: ORDER.advice,
  needs: { extension: 'pg_stat_statements' },
  scope: 'statements',
  absent: 'pg_stat_statements has seen no statement',
  blind: 'the login may not read the statements of others: grant pg_read_all_stats to it',
  why: 'A mean hides it: the same statement takes a millisecond and then a second. Behind it stand values with very many rows, waits for locks, or pages that have to be read first.',
  when: `A statement of this database, called statementCalls times and more, takes statementMs on average and more, with a deviation of ${SPREAD} times that.`,
  advice: 'Look for its slow runs: log_min_duration_statement, auto_explain, log_lock_waits.',
  uses: ['statementMs', 'statementCalls'],
  sql: `
    select count(*)::int as total, count(*) filter (where s.queryid is not null)::int as examined,
      jsonb_agg(jsonb_build_object('key', s.userid || '/' || s.queryid || '/' || s.toplevel, 'query', left(s.query, 1000), 'calls', s.calls,
        'mean', s.mean_exec_time, 'deviation', s.stddev_exec_time, 'longest', s.max_exec_time) order by s.stddev_exec_time * s.calls desc)
        filter (where s.queryid is not null and s.stddev_exec_time > 2 * s.mean_exec_time and s.mean_exec_time > 0.1) as found
    from {schema}.pg_stat_statements s where s.dbid = (select d.oid from pg_database d where d.datname = current_database()) and s.toplevel
      and s.query ~* '^\\s*(select|with|insert|update|delete|merge)'`,
  evaluate: (rows, { thresholds: { statementMs, statementCalls } }) =>
    rows
      .filter(
        ({ calls, mean, deviation }) => calls >= statementCalls && mean >= statementMs && deviation >= SPREAD * mean,
      )
      .slice(0, TOLD)
      .map(({ key, query, calls, mean, deviation, longest }) => ({
        object: `statement ${key}`,
        summary: `${count(calls)} calls took ${mean.toFixed(1)} ms on average, with a deviation of ${deviation.toFixed(0)} ms and ${count(longest)} ms at most.`,
        evidence: [redact(query)],
        remedy: {
          text: 'Log its slow runs, and compare their plans and waits with the others.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
