import { defineCheck, ORDER } from '../../check.js'
import { bytes, duration } from '../../figures.js'

interface Row {
  readonly name: string
  readonly state: string
  readonly sync: string
  readonly sent: number | null
  readonly replayed: number | null
  readonly seconds: number | null
}

/** Q10: standbys that fall behind. */
export const replicationLag = defineCheck<Row>({
  id: 'replication-lag',
  title: 'Standbys that are behind',
  area: 'replication',
  level: 'warning',
  order: ORDER.advice,
  scope: 'standbys',
  absent: 'no standby is connected here',
  blind: 'the login does not see how far standbys are: grant pg_monitor to it',
  why: 'What a standby has not received is lost when the primary is; what it has not replayed its readers do not see, and a switch-over waits for it.',
  when: 'A standby has not replayed more WAL than the threshold. Bytes count, not seconds: on an idle server seconds say nothing.',
  advice: 'Received but not replayed: a query on the standby holds it back, or its disk. Not received: the network.',
  uses: ['replicationLagMb'],
  sql: `
    select count(*)::int as total, count(r.state)::int as examined,
      jsonb_agg(jsonb_build_object('name', r.application_name, 'state', r.state, 'sync', r.sync_state,
        'sent', pg_wal_lsn_diff(p.lsn, r.flush_lsn), 'replayed', pg_wal_lsn_diff(p.lsn, r.replay_lsn),
        'seconds', extract(epoch from r.replay_lag)) order by r.application_name) as found
    from pg_stat_replication r,
      (select case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end as lsn) p`,
  evaluate: (rows, { thresholds: { replicationLagMb } }) =>
    rows
      .filter(({ replayed }) => (replayed ?? 0) >= replicationLagMb * 1024 ** 2)
      .map(({ name, state, sync, sent, replayed, seconds }) => ({
        object: `standby ${name}`,
        summary: `Standby ${name} has ${bytes(replayed ?? 0)} of WAL to replay, ${bytes(sent ?? 0)} of it not even on its disk.`,
        evidence: [`${state}, ${sync}${seconds === null ? '' : `, replays with a delay of ${duration(seconds)}`}`],
        remedy: {
          text:
            (sent ?? 0) > (replayed ?? 0) / 2
              ? 'Look at the network and at the disk of the standby.'
              : 'Look for long queries on the standby, and at max_standby_streaming_delay there.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
