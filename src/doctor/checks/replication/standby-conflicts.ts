import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly total: number
  readonly snapshot: number
  readonly lock: number
}

/** Q10: queries that a standby has cancelled. */
export const standbyConflicts = defineCheck<Row>({
  id: 'standby-conflicts',
  title: 'Queries cancelled on this standby',
  area: 'replication',
  level: 'info',
  order: ORDER.advice,
  scope: 'standbys',
  absent: 'this server is no standby',
  why: 'When vacuum on the primary removes rows that a query here still needs, replay waits for max_standby_streaming_delay and then cancels the query.',
  when: 'pg_stat_database_conflicts counts queries that were cancelled in this database.',
  advice:
    'Set hot_standby_feedback here, which holds back vacuum on the primary; or a larger max_standby_streaming_delay, which lets this standby fall behind.',
  sql: `
    select case when pg_is_in_recovery() then 1 else 0 end as total, case when pg_is_in_recovery() then 1 else 0 end as examined,
      jsonb_agg(jsonb_build_object('total', d.confl_tablespace + d.confl_lock + d.confl_snapshot + d.confl_bufferpin + d.confl_deadlock,
        'snapshot', d.confl_snapshot, 'lock', d.confl_lock)) filter (where d.confl_snapshot + d.confl_lock + d.confl_bufferpin > 0) as found
    from pg_stat_database_conflicts d where d.datname = current_database()`,
  evaluate: (rows) =>
    rows.map(({ total, snapshot, lock }) => ({
      object: 'conflicts',
      summary: `${count(total)} queries were cancelled here: ${count(snapshot)} for rows that were removed, ${count(lock)} for locks.`,
      remedy: {
        text: 'Choose between hot_standby_feedback and a longer max_standby_streaming_delay.',
        lock: 'none',
        undo: 'set the old value',
      },
    })),
})
