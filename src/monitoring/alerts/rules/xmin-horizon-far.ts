import { defineAlert } from '../rule.js'

/** From here it is no longer about speed. */
export const xminHorizonFar = defineAlert({
  id: 'xmin-horizon-far',
  title: 'A very old snapshot holds back vacuum',
  level: 'error',
  condition: {
    of: { metric: 'pgfleet_xmin_age_transactions' },
    per: [{ metric: 'pg_settings_autovacuum_freeze_max_age' }],
    perIgnoring: ['component'],
    is: '>=',
    than: { threshold: 'horizonErrorShare' },
  },
  forS: 0,
  summary: 'A snapshot of {component} is {value|percent} of autovacuum_freeze_max_age old.',
  meaning: 'Nothing has been cleaned for a long time; freezing is held back too, so transaction ids run out.',
  action: 'End the holder that the doctor names, today.',
  check: 'snapshot-horizon',
})
