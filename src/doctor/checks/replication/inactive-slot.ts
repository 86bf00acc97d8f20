import { defineCheck, ORDER } from '../../check.js'
import { bytes, duration } from '../../figures.js'

interface Row {
  readonly name: string
  readonly literal: string
  readonly type: string
  readonly plugin: string | null
  readonly status: string | null
  readonly retained: number | null
  readonly safe: number | null
  readonly inactive: number | null
  readonly reason: string | null
}

/** Q10: replication slots that nobody reads. */
export const inactiveSlot = defineCheck<Row>({
  id: 'inactive-slot',
  title: 'Replication slots that nobody reads',
  area: 'replication',
  level: 'error',
  order: ORDER.data,
  scope: 'replication slots',
  absent: 'there are no replication slots',
  why: 'A slot keeps all WAL since its reader was last there, until the disk is full and the server stops; and it holds back vacuum.',
  when: 'A slot has no reader: a warning at once where the server does not tell since when (before PostgreSQL 17), else after a while; an error when it keeps much WAL, or when its WAL is being removed or gone.',
  advice:
    'Start its reader again; drop the slot when there is none any more. `max_slot_wal_keep_size` limits what a slot may keep.',
  uses: ['slotInactiveS', 'slotRetainedMb'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', s.slot_name, 'literal', quote_literal(s.slot_name), 'type', s.slot_type,
        'plugin', s.plugin, 'status', s.wal_status, 'safe', s.safe_wal_size,
        'inactive', extract(epoch from clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz), 'reason', to_jsonb(s) ->> 'invalidation_reason',
        'retained', pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn()
          else pg_current_wal_lsn() end, s.restart_lsn))) filter (where not s.active or s.wal_status in ('unreserved', 'lost')) as found
    from pg_replication_slots s where not s.temporary and not coalesce((to_jsonb(s) ->> 'synced')::bool, false)`,
  evaluate: (rows, { thresholds: { slotInactiveS, slotRetainedMb } }) =>
    rows
      .filter(({ inactive, status }) => inactive === null || inactive >= slotInactiveS || status === 'lost')
      .map(({ name, literal, type, plugin, status, retained, safe, inactive, reason }) => {
        const grave = status === 'lost' || status === 'unreserved' || (retained ?? 0) >= slotRetainedMb * 1024 ** 2
        return {
          object: `replication slot ${name}`,
          level: grave ? ('error' as const) : ('warning' as const),
          summary:
            status === 'lost'
              ? `The WAL that slot ${name} needs is gone: its reader cannot go on.`
              : `Slot ${name} has had no reader${inactive === null ? '' : ` for ${duration(inactive)}`} and keeps ${bytes(retained ?? 0)} of WAL.`,
          evidence: [
            `${type}${plugin === null ? '' : `, ${plugin}`}, WAL ${status ?? 'not reserved yet'}${reason === null ? '' : `, ${reason}`}`,
            safe === null
              ? 'max_slot_wal_keep_size sets no limit'
              : `${bytes(Math.max(0, safe))} more until its WAL is removed`,
          ],
          remedy: {
            text: 'Start its reader again. If there is none any more, drop the slot.',
            sql: [`select pg_drop_replication_slot(${literal})`],
            lock: 'none',
            undo: 'none: its reader has to be set up anew, from a fresh copy',
          },
        }
      }),
})
