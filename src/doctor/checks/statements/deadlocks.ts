import { defineCheck, ORDER } from '../../check.js'
import { count, duration } from '../../figures.js'

interface Row {
  readonly deadlocks: number
  readonly seconds: number
}

/** Q5: transactions that were ended because they waited for each other. */
export const deadlocks = defineCheck<Row>({
  id: 'deadlocks',
  title: 'Deadlocks',
  area: 'statements',
  level: 'warning',
  order: ORDER.advice,
  scope: 'databases',
  absent: '',
  why: 'Each deadlock ends a transaction after waiting for deadlock_timeout. Row locks taken in different orders are the usual reason, batches of upserts among them.',
  when: 'Deadlocks since the statistics were reset: as many an hour as the threshold are a warning, fewer are info.',
  advice:
    'Let all writers lock rows in the same order: sort the keys of a batch. Repeat transactions that end with 40P01. The log has both statements.',
  uses: ['deadlocksPerHour'],
  sql: `
    select 1 as total, 1 as examined, jsonb_agg(jsonb_build_object('deadlocks', d.deadlocks,
      'seconds', extract(epoch from clock_timestamp() - coalesce(d.stats_reset, pg_postmaster_start_time())))) filter (where d.deadlocks > 0) as found
    from pg_stat_database d where d.datname = current_database()`,
  evaluate: (rows, { thresholds: { deadlocksPerHour } }) =>
    rows.map(({ deadlocks: n, seconds }) => ({
      object: 'deadlocks',
      level: (n / Math.max(seconds, 3600)) * 3600 >= deadlocksPerHour ? ('warning' as const) : ('info' as const),
      summary: `${count(n)} transactions ended in a deadlock in ${duration(seconds)}.`,
      remedy: {
        text: 'Find the pairs of statements in the log; sort the keys of batches, lock in one order, and repeat on 40P01.',
        lock: 'none',
        undo: 'none needed',
      },
    })),
})
