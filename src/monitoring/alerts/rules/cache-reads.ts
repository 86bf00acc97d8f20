import { READS_MIN } from '../../../doctor/checks/statements/cache-reads.js'
import { defineAlert } from '../rule.js'

/** Of a quarter of an hour with reads worth the name; never since a reset. */
export const cacheReads = defineAlert({
  id: 'cache-reads',
  title: 'Many reads miss shared_buffers',
  level: 'info',
  condition: {
    of: { metric: 'pg_stat_database_blks_hit', increaseS: 900 },
    per: [
      { metric: 'pg_stat_database_blks_hit', increaseS: 900 },
      { metric: 'pg_stat_database_blks_read', increaseS: 900 },
    ],
    is: '<',
    than: { threshold: 'cacheShare' },
    and: [{ of: { metric: 'pg_stat_database_blks_read', increaseS: 900 }, is: '>=', than: { value: READS_MIN * 900 } }],
  },
  forS: 1800,
  summary: '{value|percent} of the pages of database {datname} were found in shared_buffers.',
  meaning:
    'By itself a low share is no fault: the rest comes from the cache of the system or from the disk, and PostgreSQL cannot tell which. It says where to look when statements are slow.',
  action:
    'Look at the statements that read most first. More shared_buffers helps when evictions are many and memory is free.',
  check: 'cache-reads',
})
