import { SERVER_METRICS } from '../metrics/server.js'
import type { Source } from './source.js'

/** How far a replica is, by itself. */
export const replica: Source = {
  id: 'replica',
  title: 'whether the server is a replica, and how far it is',
  groups: [SERVER_METRICS.replica, SERVER_METRICS.receiver],
  sql: `
    select r.recovers::int as is_replica,
      case when not r.recovers or pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
        else greatest(0, extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())) end::float8 as lag_seconds,
      extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as last_replay_seconds,
      case when r.recovers then (select count(*) from pg_stat_wal_receiver w where w.pid is not null) end as receiver_up,
      case when r.recovers then greatest(0, pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())) end as replay_bytes_behind
    from (select pg_is_in_recovery() as recovers) r`,
}
