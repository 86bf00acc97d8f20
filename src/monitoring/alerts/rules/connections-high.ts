import { defineAlert } from '../rule.js'

/** Early enough to look for idle ones. */
export const connectionsHigh = defineAlert({
  id: 'connections-high',
  title: 'Many connections are in use',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_connections_used' },
    per: [{ metric: 'pgfleet_connections_limit' }],
    is: '>=',
    than: { threshold: 'connectionsShare' },
  },
  forS: 300,
  summary: '{value|percent} of the connections are in use.',
  meaning: 'When all are taken, every further login fails. Of max_connections those that are reserved do not count.',
  action:
    'Find who holds idle ones, and limit pools so that their sum fits. Raising max_connections costs memory and speed.',
  check: 'connection-usage',
})
