import { defineAlert } from '../rule.js'

/** A count of connections in use says nothing while nobody waits. */
export const poolExhausted = defineAlert({
  id: 'pool-exhausted',
  title: 'Clients wait very long for the pool',
  level: 'error',
  condition: { of: { metric: 'pgfleet_pooler_longest_wait_seconds' }, is: '>=', than: { threshold: 'poolWaitErrorS' } },
  forS: 30,
  summary: 'A client of {user}@{database} has waited {value|duration} for a connection of the pool.',
  meaning: 'Requests time out before they have begun.',
  action: 'End what holds the connections (long and idle transactions); then raise the pool of this database.',
  check: 'pooler-waiting',
})
