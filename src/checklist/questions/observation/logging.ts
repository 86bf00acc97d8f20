import { defineQuestion } from '../../question.js'

/** Logs are to say what happened. */
export const logging = defineQuestion({
  id: 'logging',
  concern: 'observation',
  question: 'Does the log tell of waits for locks, of temporary files and of long vacuums?',
  why: 'These traces cost nothing until something happens, and cannot be had afterwards.',
  mend: 'pgfleet doctor --check logging',
  checks: ['logging'],
  level: 'info',
})
