import { REPLICATION_METRICS } from '../metrics/replication.js'
import type { Source } from './source.js'

const slots = (inactive: string) => `
  with here as (
    select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn
  )
  select s.slot_name, s.slot_type, s.wal_status,
    pg_wal_lsn_diff(h.lsn, '0/0') as slot_current_wal_lsn,
    pg_wal_lsn_diff(coalesce(s.confirmed_flush_lsn, s.restart_lsn), '0/0') as slot_confirmed_flush_lsn,
    s.active::int as slot_is_active, s.safe_wal_size as safe_wal_size_bytes,
    greatest(0, pg_wal_lsn_diff(h.lsn, s.restart_lsn)) as retained_bytes, ${inactive} as inactive_seconds
  from pg_replication_slots s cross join here h
  order by s.restart_lsn nulls last
  limit $1::int`

/** Replication slots: those that keep the most WAL. */
export const replicationSlots: Source = {
  id: 'replication-slots',
  title: 'replication slots, and the WAL that they keep',
  groups: [REPLICATION_METRICS.slots, REPLICATION_METRICS.slotStatus, REPLICATION_METRICS.retained],
  isLimited: true,
  sql: {
    15: slots('null::float8'),
    17: slots('case when s.active then 0 else extract(epoch from clock_timestamp() - s.inactive_since) end::float8'),
  },
}
