import { defineAlert } from '../rule.js'

/** 26 hours, as the checklist asks for: a daily run and some patience. */
export const maintenanceStopped = defineAlert({
  id: 'maintenance-stopped',
  title: 'Maintenance does not run',
  level: 'error',
  condition: { of: { metric: 'pgfleet_maintenance_last_success_age_seconds' }, is: '>=', than: { value: 93_600 } },
  forS: 0,
  summary: 'The service {service} has not run well for {value|duration}.',
  meaning:
    'Partitions ahead, expiry, retention, garbage: what does not run is noticed when a month begins, or the disk is full.',
  action:
    'Run `pgfleet maintain` as a service, or `pgfleet maintain --once` from a timer; `pgfleet maintain runs` tells what went wrong.',
})
