import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly slots: number
}

/** Q10: may a slot fill the disk? */
export const slotLimit = defineCheck<Row>({
  id: 'slot-limit',
  title: 'Replication slots without a limit',
  area: 'replication',
  level: 'info',
  order: ORDER.settings,
  scope: 'replication slots',
  absent: 'there are no replication slots',
  why: 'A slot whose reader is away keeps WAL until the disk is full and the server stops. With a limit the reader has to be set up anew instead.',
  when: 'There are slots, and max_slot_wal_keep_size is -1.',
  advice: 'Set it to what the disk can spare.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      case when current_setting('max_slot_wal_keep_size') = '-1' then jsonb_build_array(jsonb_build_object('slots', count(*))) end as found
    from pg_replication_slots s where not s.temporary`,
  evaluate: (rows) =>
    rows.map(({ slots }) => ({
      object: 'setting max_slot_wal_keep_size',
      summary: `${counted(slots, 'slot')} may keep WAL without limit.`,
      remedy: {
        text: 'Set a limit, here 50 GB for example: less than what the disk of the WAL has free.',
        sql: [`alter system set max_slot_wal_keep_size = '50GB'`, 'select pg_reload_conf()'],
        lock: 'none',
        undo: 'alter system reset max_slot_wal_keep_size, then reload',
      },
    })),
})
