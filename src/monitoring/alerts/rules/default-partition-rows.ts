import { defineAlert } from '../rule.js'

/** Each day makes it more. */
export const defaultPartitionRows = defineAlert({
  id: 'default-partition-rows',
  title: 'Rows are in a default partition',
  level: 'error',
  condition: { of: { metric: 'pgfleet_partition_default_rows' }, is: '>', than: { value: 0 } },
  forS: 600,
  summary: 'The default partition of {schemaname}.{relname} holds about {value|count} rows.',
  meaning:
    'A partition cannot be created while the default one holds rows that belong into it, and retention by dropping partitions does not reach them.',
  action:
    'In one transaction move the rows of a missing range aside, create its partition, and put them back through the parent.',
  check: 'default-partition-rows',
})
