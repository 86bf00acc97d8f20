import { defineQuestion } from '../../question.js'

/** The disk is to last. */
export const disk = defineQuestion({
  id: 'disk',
  concern: 'upkeep',
  question: 'Does the disk have room for what is coming?',
  why: 'A full disk stops a server. The WAL grows without end when a slot that nobody reads keeps it.',
  mend: 'pgfleet advise storage --url URL; pgfleet checklist --disk-free SIZE',
  checks: ['database-growth', 'wal-directory', 'temporary-space'],
})
