import { defineAlert } from '../rule.js'

/** The last moment to act. */
export const connectionsExhausted = defineAlert({
  id: 'connections-exhausted',
  title: 'The connections are nearly used up',
  level: 'error',
  condition: {
    of: { metric: 'pgfleet_connections_used' },
    per: [{ metric: 'pgfleet_connections_limit' }],
    is: '>=',
    than: { threshold: 'connectionsErrorShare' },
  },
  forS: 60,
  summary: '{value|percent} of the connections are in use.',
  meaning: 'The next burst is refused, and soon every login.',
  action: 'End idle sessions now, then lower the pools or put PgBouncer in transaction mode in front.',
  check: 'connection-usage',
})
