import { defineQuestion } from '../../question.js'

/** A pooler is to offer what its server has. */
export const pool = defineQuestion({
  id: 'pool',
  concern: 'connections',
  question: 'Does the pooler fit its server, and does nobody wait for it?',
  why: 'Pools are for each pair of login and database; their sum has to fit the server, less what it reserves. In transaction mode nothing of a session may stay.',
  mend: 'pgfleet checklist --pooler URL asks it; pgfleet pgbouncer writes a configuration that fits',
  checks: ['pooler-sum', 'pooler-settings', 'pooler-waiting', 'pooler-version'],
})
