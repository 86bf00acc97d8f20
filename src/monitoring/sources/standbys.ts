import { REPLICATION_METRICS } from '../metrics/replication.js'
import type { Source } from './source.js'

/** Standbys that stream from this server. Those of the same name, address and state are told as one: the one furthest behind. */
export const standbys: Source = {
  id: 'standbys',
  title: 'standbys, and how far they are',
  needs: { all: true, rights: 'pg_monitor' },
  groups: [REPLICATION_METRICS.standbys, REPLICATION_METRICS.stages],
  isLimited: true,
  sql: `
    with here as (
      select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn
    ),
    standbys as (
      select r.*, h.lsn, dense_rank() over (order by r.replay_lsn, r.pid) as place
      from pg_stat_replication r cross join here h
    )
    select r.application_name, coalesce(host(r.client_addr), '') as client_addr, r.state, null as stage,
      pg_wal_lsn_diff(max(r.lsn), '0/0') as pg_current_wal_lsn_bytes, max(pg_wal_lsn_diff(r.lsn, r.replay_lsn)) as pg_wal_lsn_diff,
      null::numeric as lag_bytes, null::float8 as lag_seconds
    from standbys r where r.place <= $1::int
    group by 1, 2, 3
    union all
    select r.application_name, coalesce(host(r.client_addr), ''), null, s.stage, null, null,
      max(greatest(0, pg_wal_lsn_diff(r.lsn, s.at))), max(extract(epoch from s.lag))::float8
    from standbys r cross join lateral (values ('sent', r.sent_lsn, null::interval), ('write', r.write_lsn, r.write_lag),
      ('flush', r.flush_lsn, r.flush_lag), ('replay', r.replay_lsn, r.replay_lag)) s (stage, at, lag)
    where r.place <= $1::int
    group by 1, 2, s.stage`,
}
