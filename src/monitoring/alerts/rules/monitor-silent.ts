import { defineAlert } from '../rule.js'

/** A monitor that is silent looks like a server that is well. */
export const monitorSilent = defineAlert({
  id: 'monitor-silent',
  title: 'Nothing is measured',
  level: 'error',
  condition: { absent: 'pg_up' },
  forS: 300,
  summary: 'No metrics of `pgfleet monitor` have come for five minutes.',
  meaning: 'The monitor is down, or Prometheus does not reach it: no other alert can come.',
  action:
    'Start `pgfleet monitor`, or check its address among the targets of Prometheus. Only Prometheus can see this; a monitor that has ended tells nobody.',
})
