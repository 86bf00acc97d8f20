import { defineAlert } from '../rule.js'

/** A day is time to choose one. */
export const restartPending = defineAlert({
  id: 'restart-pending',
  title: 'Settings wait for a restart',
  level: 'info',
  condition: { of: { metric: 'pgfleet_settings_pending_restart' }, is: '>', than: { value: 0 } },
  forS: 86_400,
  summary: '{value|count} settings were changed and wait for a restart.',
  meaning:
    'The server does not work as its configuration says; the next restart, whenever it comes, changes how it works.',
  action: 'Restart at a time of your choice, or take the change back.',
  check: 'pending-restart',
})
