import { defineQuestion } from '../../question.js'

/** Checkpoints are to come by the clock. */
export const checkpoints = defineQuestion({
  id: 'checkpoints',
  concern: 'performance',
  question: 'Do checkpoints come by the clock, and sorts stay in memory?',
  why: 'A checkpoint that the WAL forces writes in bursts, and the images of pages after it multiply the WAL. Sorts that spill take the disk from others.',
  mend: 'pgfleet doctor --check checkpoints temporary-files',
  checks: ['checkpoints', 'temporary-files'],
})
