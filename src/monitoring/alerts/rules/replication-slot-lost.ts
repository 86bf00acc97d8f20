import { defineAlert } from '../rule.js'

/** max_slot_wal_keep_size has been reached. */
export const replicationSlotLost = defineAlert({
  id: 'replication-slot-lost',
  title: 'The WAL that a slot needs is going or gone',
  level: 'error',
  condition: {
    of: { metric: 'pg_replication_slot_wal_status', where: { wal_status: ['unreserved', 'lost'] } },
    is: '==',
    than: { value: 1 },
  },
  forS: 0,
  summary: 'The WAL that replication slot {slot_name} needs is {wal_status}.',
  meaning: 'Lost: its reader cannot go on, and has to be set up anew. Unreserved: the next checkpoint may remove it.',
  action: 'Let its reader catch up at once while it is unreserved; else make a fresh copy, and drop the slot.',
  check: 'inactive-slot',
})
