import { defineAlert } from '../rule.js'

/** A wait that lasts. */
export const poolWaiting = defineAlert({
  id: 'pool-waiting',
  title: 'Clients wait for the pool',
  level: 'warning',
  condition: { of: { metric: 'pgfleet_pooler_longest_wait_seconds' }, is: '>=', than: { threshold: 'poolWaitS' } },
  forS: 60,
  summary: 'A client of {user}@{database} has waited {value|duration} for a connection of the pool.',
  meaning: 'The wait is added to every transaction. The pool is too small, or long transactions hold its connections.',
  action: 'Look for long and idle transactions first. Raise the pool while the server has idle cores.',
  check: 'pooler-waiting',
})
