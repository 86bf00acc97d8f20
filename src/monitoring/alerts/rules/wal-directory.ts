import { defineAlert } from '../rule.js'

/** What a checkpoint could not remove. */
export const walDirectory = defineAlert({
  id: 'wal-directory',
  title: 'WAL piles up',
  level: 'warning',
  condition: {
    of: { metric: 'pg_wal_size_bytes' },
    per: [{ metric: 'pg_settings_max_wal_size_bytes' }, { metric: 'pg_settings_wal_keep_size_bytes' }],
    is: '>',
    than: { threshold: 'walDirectoryShare' },
  },
  forS: 900,
  summary: 'pg_wal is {value|percent} of max_wal_size and wal_keep_size together.',
  meaning: 'WAL that a slot or a failing archiver keeps fills the disk; then the server stops.',
  action: 'Look at slots without a reader and at the archiver. Never delete files from pg_wal.',
  check: 'wal-directory',
})
