import { defineQuestion } from '../../question.js'

/** Autovacuum is to keep up. */
export const vacuum = defineQuestion({
  id: 'vacuum',
  concern: 'upkeep',
  question: 'Does autovacuum keep up with what is written?',
  why: 'Dead rows, stale statistics and old transaction ids are its work. Where it falls behind, it needs more budget or smaller thresholds on large tables; a rewrite of tables under an exclusive lock is no upkeep.',
  mend: 'pgfleet doctor --check autovacuum-off vacuum-starved autovacuum-cost; pgfleet maintain --once --service autovacuum',
  checks: [
    'autovacuum-off',
    'table-autovacuum-off',
    'autovacuum-cost',
    'autovacuum-settings',
    'vacuum-starved',
    'transaction-id-age',
    'snapshot-horizon',
    'parent-statistics',
    'dead-rows',
  ],
})
