import { defineAlert } from '../rule.js'

/** The usual way for a disk to fill up. */
export const replicationSlotRetention = defineAlert({
  id: 'replication-slot-retention',
  title: 'A slot without a reader keeps much WAL',
  level: 'error',
  condition: {
    of: { metric: 'pgfleet_replication_slot_retained_bytes' },
    is: '>=',
    than: { threshold: 'slotRetainedMb', times: 1024 ** 2 },
    and: [{ of: { metric: 'pg_replication_slot_slot_is_active' }, is: '==', than: { value: 0 } }],
  },
  forS: 60,
  summary: 'Replication slot {slot_name} keeps {value|bytes} of WAL, and nobody reads it.',
  meaning: 'It grows until the disk is full and the server stops.',
  action: 'Start its reader again, or drop the slot. max_slot_wal_keep_size limits what a slot may keep.',
  check: 'inactive-slot',
})
