import { defineQuestion } from '../../question.js'

/** What is wrong at this moment is to be seen first. */
export const incidents = defineQuestion({
  id: 'incidents',
  concern: 'observation',
  question: 'Is nothing stuck at this moment, and have no deadlocks piled up?',
  why: 'A session that waits for hours, a prepared transaction that nobody finishes, deadlocks every hour: each holds back others.',
  mend: 'pgfleet doctor --check lock-queue long-transaction prepared-transaction deadlocks',
  checks: ['lock-queue', 'long-transaction', 'prepared-transaction', 'deadlocks', 'rollbacks', 'invalid-database'],
})
