import { defineQuestion } from '../../question.js'

/** All connections at once are to fit the memory. */
export const memory = defineQuestion({
  id: 'memory',
  concern: 'connections',
  question: 'Do the settings fit the memory of the machine?',
  why: 'Each sort or hash of each connection may take work_mem, several in one statement. What counts is the worst case of all connections together, next to shared_buffers.',
  mend: 'pgfleet checklist --memory SIZE where the server cannot tell; pgfleet doctor --check worst-case-memory cache-size',
  checks: ['worst-case-memory', 'cache-size'],
})
