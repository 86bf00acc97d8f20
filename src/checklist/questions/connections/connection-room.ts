import { defineQuestion } from '../../question.js'

/** The next client is to get in. */
export const connectionRoom = defineQuestion({
  id: 'connection-room',
  concern: 'connections',
  question: 'Are connections left, and are they not wasted?',
  why: 'When all are taken, nobody gets in. Sessions that sit in open transactions, or that live for one statement, take them up without work.',
  mend: 'pgfleet advise pool --measure; pgfleet doctor --check connection-usage idle-in-transaction connection-churn',
  checks: ['connection-usage', 'idle-in-transaction', 'connection-churn'],
})
