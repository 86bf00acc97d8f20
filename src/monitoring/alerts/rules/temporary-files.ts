import { defineAlert } from '../rule.js'

/** By growth within an hour. */
export const temporaryFiles = defineAlert({
  id: 'temporary-files',
  title: 'Sorts and hashes go to disk',
  level: 'warning',
  condition: {
    of: { metric: 'pg_stat_database_temp_bytes', increaseS: 3600 },
    is: '>=',
    than: { threshold: 'temporaryMbPerHour', times: 1024 ** 2 },
  },
  forS: 0,
  summary: 'Database {datname} wrote {value|bytes} of temporary files within an hour.',
  meaning:
    'What does not fit into work_mem is written to files and read again: slower, and it takes the disk from others.',
  action:
    'Log them (log_temp_files) to find the statements. A better index or less data helps first; raise work_mem for those statements alone.',
  check: 'temporary-files',
})
