import { defineAlert } from '../rule.js'

/** One page is enough. */
export const checksumFailures = defineAlert({
  id: 'checksum-failures',
  title: 'Pages are damaged',
  level: 'error',
  condition: {
    of: { metric: 'pgfleet_database_checksum_failures_total', increaseS: 3600 },
    is: '>',
    than: { value: 0 },
  },
  forS: 0,
  summary: 'Pages of database {datname} had a wrong checksum within the last hour.',
  meaning: 'The disk, the memory or the file system has changed data. What is damaged spreads into backups.',
  action:
    'Stop what changes data, make a copy of the files as they are, and restore from a backup that is older. Check the machine.',
  check: 'checksum-failure',
})
