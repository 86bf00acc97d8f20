import { THRESHOLDS } from '../../../doctor/thresholds.js'
import { defineAlert } from '../rule.js'

/** A reader that restarts is no fault. */
export const replicationSlotInactive = defineAlert({
  id: 'replication-slot-inactive',
  title: 'Nobody reads a replication slot',
  level: 'warning',
  condition: { of: { metric: 'pg_replication_slot_slot_is_active' }, is: '==', than: { value: 0 } },
  forS: THRESHOLDS.slotInactiveS.value,
  summary: 'Nobody has read from replication slot {slot_name} for an hour or more.',
  meaning: 'A slot keeps all WAL since its reader was last there, and holds back vacuum.',
  action: 'Start its reader again; drop the slot when there is none any more.',
  check: 'inactive-slot',
})
