import { defineAlert } from '../rule.js'

/** Before it has failed for a day. */
export const maintenanceFailing = defineAlert({
  id: 'maintenance-failing',
  title: 'A service of maintenance fails',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_maintenance_last_run', where: { outcome: 'failed' } },
    is: '==',
    than: { value: 1 },
  },
  forS: 3600,
  summary: 'The last run of the service {service} failed, for an hour or more.',
  meaning: 'One run that fails is repeated; for an hour it is no accident.',
  action: '`pgfleet maintain runs` has the error.',
})
