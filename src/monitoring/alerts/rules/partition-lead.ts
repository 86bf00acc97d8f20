import { defineAlert } from '../rule.js'

/** While there is time. */
export const partitionLead = defineAlert({
  id: 'partition-lead',
  title: 'Less than one partition is left',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_partition_lead_seconds' },
    per: [{ metric: 'pgfleet_partition_width_seconds' }],
    is: '<',
    than: { value: 1 },
    and: [{ of: { metric: 'pgfleet_partition_lead_seconds' }, is: '>=', than: { value: 0 } }],
  },
  forS: 3600,
  summary: 'The partitions of {schemaname}.{relname} last for {value|percent} of one more range.',
  meaning: 'When the last one ends, every insert fails, or goes to the default partition.',
  action: 'See why the schedule that creates partitions has stopped: `pgfleet maintain runs partitions-ahead`.',
  check: 'next-partition',
})
