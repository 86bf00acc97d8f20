import { defineAlert } from '../rule.js'

/** By share and by number: ten per cent of a small table, or ten thousand rows of a large one, are usual. */
export const deadRows = defineAlert({
  id: 'dead-rows',
  title: 'A table has many dead rows',
  level: 'warning',
  condition: {
    of: { metric: 'pg_stat_user_tables_n_dead_tup', whereNot: { relname: 'other' } },
    per: [
      { metric: 'pg_stat_user_tables_n_dead_tup', whereNot: { relname: 'other' } },
      { metric: 'pg_stat_user_tables_n_live_tup', whereNot: { relname: 'other' } },
    ],
    is: '>=',
    than: { threshold: 'deadRowsShare' },
    and: [
      {
        of: { metric: 'pg_stat_user_tables_n_dead_tup', whereNot: { relname: 'other' } },
        is: '>=',
        than: { threshold: 'deadRows' },
      },
    ],
  },
  forS: 3600,
  summary: '{value|percent} of the rows of {schemaname}.{relname} are dead.',
  meaning:
    'They take space and time in every scan, and stay while an old snapshot might need them, or until vacuum comes.',
  action:
    'Look for old snapshots first; then vacuum the table, and let autovacuum come sooner. VACUUM removes them while others go on.',
  check: 'dead-rows',
})
