import type { SettingsRule } from '../../rule.js'

export const poolerWatched: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-watched',
  level: 'info',
  summary: 'A pooler that nobody can watch: neither admin_users nor stats_users.',
  why: 'Who waits for a connection is seen by SHOW POOLS alone.',
  remedy: '`stats_users = monitor`, and query_wait_timeout shorter than the 120 s that clients wait otherwise.',
  *check(file) {
    if (file.partial || file.entries.length === 0) return
    if (file.get('stats_users', 'pgbouncer') !== undefined || file.get('admin_users', 'pgbouncer') !== undefined) return
    yield {
      at: file.entries.find(({ section }) => section === 'pgbouncer')?.at,
      message: 'nobody may ask for SHOW POOLS',
    }
  },
}
