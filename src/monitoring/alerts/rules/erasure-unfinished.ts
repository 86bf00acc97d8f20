import { defineAlert } from '../rule.js'

/** Whoever asked for it has a deadline. */
export const erasureUnfinished = defineAlert({
  id: 'erasure-unfinished',
  title: 'An erasure of a tenant has not ended',
  level: 'warning',
  condition: { of: { metric: 'pgfleet_erasures_oldest_seconds' }, is: '>=', than: { value: 86_400 } },
  forS: 0,
  summary: 'An erasure that began {value|duration} ago has not ended.',
  meaning: 'Rows of a tenant that has to be forgotten are still there.',
  action: '`pgfleet tenant erasures` tells how far it is; run it again, it goes on where it stopped.',
})
