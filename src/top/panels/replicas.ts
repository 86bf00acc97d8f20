import { shortBytes, shortTime } from '../amounts.js'
import { definePanel, type ShownRow } from '../panel.js'

interface Row {
  readonly kind: 'standby' | 'slot' | 'this'
  readonly name: string
  readonly address: string | null
  readonly state: string | null
  readonly sync: string | null
  readonly sent: number | null
  readonly written: number | null
  readonly flushed: number | null
  readonly replayed: number | null
  readonly seconds: number | null
}

interface Shown extends ShownRow, Omit<Row, 'kind'> {
  readonly kind: string
}

/** Bytes from which a standby counts as behind. */
const BEHIND = 64 * 1024 ** 2

/** Standbys and slots, by how far each stage is behind. */
export const replicas = definePanel<Row, Shown>({
  id: 'replicas',
  key: 'i',
  title: 'standbys and slots: how far behind each stage is',
  blind: 'how far standbys are is not seen: grant pg_monitor to this login',
  empty: 'no standby is connected, and there are no slots',
  sources: [
    {
      name: 'pg_stat_replication',
      sql: `
    with here as (select case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end as lsn)
    select 'standby' as kind, r.application_name as name, host(r.client_addr) as address, r.state, r.sync_state as sync,
      pg_wal_lsn_diff(h.lsn, r.sent_lsn) as sent, pg_wal_lsn_diff(h.lsn, r.write_lsn) as written, pg_wal_lsn_diff(h.lsn, r.flush_lsn) as flushed,
      pg_wal_lsn_diff(h.lsn, r.replay_lsn) as replayed, extract(epoch from r.replay_lag) as seconds
    from pg_stat_replication r, here h
    union all
    select 'slot', s.slot_name, null, case when s.wal_status = 'lost' then 'lost' when s.active then 'active' else 'inactive' end, s.slot_type,
      null, null, pg_wal_lsn_diff(h.lsn, s.confirmed_flush_lsn), pg_wal_lsn_diff(h.lsn, s.restart_lsn), null
    from pg_replication_slots s, here h`,
    },
    {
      name: 'pg_stat_wal_receiver',
      sql: `
    select 'this' as kind, 'this standby' as name, (select w.sender_host from pg_stat_wal_receiver w) as address,
      coalesce((select w.status from pg_stat_wal_receiver w), 'no receiver') as state, null as sync, null as sent, null as written, null as flushed,
      pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) as replayed,
      case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0 else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end as seconds
    where pg_is_in_recovery()`,
    },
  ],
  columns: [
    { id: 'kind', title: 'kind', width: 7, cell: ({ kind }) => kind, sort: ({ kind }) => kind },
    { id: 'name', title: 'name', width: 14, grows: true, cell: ({ name }) => name, sort: ({ name }) => name },
    {
      id: 'address',
      title: 'address',
      width: 13,
      drop: 1,
      cell: ({ address }) => address ?? '',
      sort: ({ address }) => address,
    },
    {
      id: 'state',
      title: 'state',
      width: 15,
      cell: ({ state, sync }) => (sync === 'sync' || sync === 'quorum' ? `${state}, ${sync}` : (state ?? '?')),
      sort: ({ state }) => state,
    },
    {
      id: 'sent',
      title: 'sent',
      width: 6,
      align: 'right',
      drop: 3,
      cell: ({ sent }) => shortBytes(sent),
      sort: ({ sent }) => sent,
    },
    {
      id: 'write',
      title: 'write',
      width: 6,
      align: 'right',
      drop: 4,
      cell: ({ written }) => shortBytes(written),
      sort: ({ written }) => written,
    },
    {
      id: 'flush',
      title: 'flush',
      width: 6,
      align: 'right',
      drop: 2,
      cell: ({ flushed }) => shortBytes(flushed),
      sort: ({ flushed }) => flushed,
    },
    {
      id: 'replay',
      title: 'replay',
      width: 6,
      align: 'right',
      cell: ({ replayed }) => shortBytes(replayed),
      sort: ({ replayed }) => replayed,
    },
    {
      id: 'time',
      title: 'time',
      width: 6,
      align: 'right',
      cell: ({ seconds }) => shortTime(seconds),
      sort: ({ seconds }) => seconds,
    },
  ],
  sorted: { by: 'replay', descending: true },
  view({ now }) {
    const rows = now.rows.map(
      (row, i): Shown => ({
        ...row,
        key: `${row.kind}/${row.name}/${row.address ?? ''}/${row.kind === 'standby' ? i : ''}`,
        mark:
          row.state === 'lost' || (row.kind === 'slot' && row.state === 'inactive' && (row.replayed ?? 0) > BEHIND)
            ? 'critical'
            : (row.replayed ?? 0) > BEHIND
              ? 'warning'
              : 'none',
      }),
    )
    return {
      rows,
      notes: [
        ...now.refused,
        ...(rows.length > 0 ? ['bytes that each stage is behind; of a slot, what it keeps from removal'] : []),
      ],
    }
  },
})
