import { defineAlert } from '../rule.js'

/** Everything else needs an answer. */
export const serverDown = defineAlert({
  id: 'server-down',
  title: 'The server does not answer',
  level: 'error',
  condition: { of: { metric: 'pg_up' }, is: '==', than: { value: 0 } },
  forS: 60,
  summary: 'The server has not answered for a minute or more.',
  meaning: 'Nobody gets in: the server is down, out of connections, or cannot be reached from the monitor.',
  action:
    'Look at the log of the server and at the network. While it is away, what the other alerts look at is not measured: they end as gone.',
})
