import { defineQuestion } from '../../question.js'

/** What has been acknowledged has to be on the disk. */
export const crashSafety = defineQuestion({
  id: 'crash-safety',
  concern: 'recovery',
  question: 'Does what was acknowledged survive a crash of the server?',
  why: 'A server that does not wait for its disk is faster until it crashes. Writes that may be lost say so one by one, by their durability; the server itself stays safe.',
  mend: 'pgfleet doctor --check dangerous-setting checksum-failure',
  checks: ['dangerous-setting', 'checksum-failure'],
})
