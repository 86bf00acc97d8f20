import { defineAlert } from '../rule.js'

/** Counted in transactions, by which vacuum goes. */
export const xminHorizon = defineAlert({
  id: 'xmin-horizon',
  title: 'An old snapshot holds back vacuum',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_xmin_age_transactions' },
    per: [{ metric: 'pg_settings_autovacuum_freeze_max_age' }],
    perIgnoring: ['component'],
    is: '>=',
    than: { threshold: 'horizonShare' },
  },
  forS: 300,
  summary: 'A snapshot of {component} is {value|percent} of autovacuum_freeze_max_age old.',
  meaning:
    'Vacuum removes nothing that it could still see, in any table; scans grow slower, and in the end transaction ids run out.',
  action: 'The doctor names the holder: a session, a prepared transaction, a slot, or a query on a standby. End it.',
  check: 'snapshot-horizon',
})
