import { defineAlert } from '../rule.js'

/** Waits of milliseconds are usual; a minute is not. */
export const lockQueue = defineAlert({
  id: 'lock-queue',
  title: 'Sessions wait long for a lock',
  level: 'error',
  condition: { of: { metric: 'pgfleet_lock_wait_seconds' }, is: '>=', than: { threshold: 'lockWaitErrorS' } },
  forS: 0,
  summary: 'A session has waited {value|duration} for a lock.',
  meaning: 'Locks are granted in turn: behind one that waits for a strong lock all others wait too, even readers.',
  action:
    'The doctor names the session at the root, which is not always the one in front. End that one, or wait for it; give migrations a lock_timeout.',
  check: 'lock-queue',
})
