import { defineAlert } from '../rule.js'

/** The one fault of vacuum that stops the server. */
export const multixactIdWraparound = defineAlert({
  id: 'multixact-id-wraparound',
  title: 'Multixact ids run out',
  level: 'error',
  condition: {
    of: { metric: 'pg_database_wraparound_age_datminmxid_seconds' },
    per: [{ metric: 'pg_settings_vacuum_multixact_failsafe_age' }],
    perIgnoring: ['datname'],
    is: '>=',
    than: { threshold: 'wraparoundShare' },
  },
  forS: 0,
  summary:
    'The oldest multixact id of database {datname} has come to {value|percent} of vacuum_multixact_failsafe_age.',
  meaning: 'When they have run out, the server takes no more writes.',
  action:
    'Find what holds vacuum back (old snapshots, autovacuum off), remove it, then vacuum the oldest tables. No single-user mode is needed.',
  check: 'transaction-id-age',
})
