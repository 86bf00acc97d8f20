import type { SettingsRule } from '../../rule.js'

export const poolerAuth: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-auth',
  level: 'warning',
  summary: 'auth_type md5, plain, trust or any.',
  why: 'MD5 is deprecated in PostgreSQL 18, and its hash is as good as the password; trust and any ask for none.',
  remedy: '`auth_type = scram-sha-256` with auth_query, so that no list of users has to be kept.',
  *check(file) {
    const entry = file.get('auth_type', 'pgbouncer')
    const value = entry?.value.toLowerCase().replace(/\s.*$/, '')
    if (entry === undefined || value === undefined || !/^(md5|plain|trust|any)$/.test(value)) return
    const none = value === 'trust' || value === 'any'
    yield {
      at: entry.at,
      level: none ? 'error' : 'warning',
      message: none ? 'whoever reaches the pooler is let in' : `passwords are checked by ${value}`,
    }
  },
}
