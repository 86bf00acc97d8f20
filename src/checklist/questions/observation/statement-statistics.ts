import { defineQuestion } from '../../question.js'

/** The server is to remember what it did. */
export const statementStatistics = defineQuestion({
  id: 'statement-statistics',
  concern: 'observation',
  question: 'Does the server count what its statements cost?',
  why: 'Without pg_stat_statements nobody can say which statement made yesterday slow.',
  mend: 'shared_preload_libraries = pg_stat_statements, a restart, create extension pg_stat_statements',
  checks: ['statement-statistics'],
  level: 'info',
})
