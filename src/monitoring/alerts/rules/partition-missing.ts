import { RETIRED_WIDTHS } from '../../../doctor/checks/partitions/next-partition.js'
import { defineAlert } from '../rule.js'

/** A table whose ranges ended long ago is retired. */
export const partitionMissing = defineAlert({
  id: 'partition-missing',
  title: 'The next partition is missing',
  level: 'error',
  condition: {
    of: { metric: 'pgfleet_partition_lead_seconds' },
    is: '<',
    than: { value: 0 },
    and: [
      {
        of: { metric: 'pgfleet_partition_lead_seconds' },
        per: [{ metric: 'pgfleet_partition_width_seconds' }],
        is: '>=',
        than: { value: -RETIRED_WIDTHS },
      },
    ],
  },
  forS: 0,
  summary: 'The last partition of {schemaname}.{relname} has ended.',
  meaning:
    'Inserts of now fail, or go to the default partition, where they stand in the way of the partition that is missing.',
  action:
    'Create the partitions: `pgfleet maintain --once --service partitions-ahead` for tables of pgfleet. Then let a schedule do so.',
  check: 'next-partition',
})
