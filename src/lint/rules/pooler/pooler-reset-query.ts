import type { SettingsRule } from '../../rule.js'

export const poolerResetQuery: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-reset-query',
  level: 'warning',
  summary: 'server_reset_query with transaction pooling.',
  why: 'It runs in session pooling alone: what one client has set stays for the next. With server_reset_query_always it costs a round trip a transaction, and throws prepared statements away.',
  remedy: 'Remove it, and set nothing for the session: `set local` in every transaction.',
  *check(file) {
    const reset = file.get('server_reset_query', 'pgbouncer')
    const always = file.get('server_reset_query_always', 'pgbouncer')
    if (!/^(transaction|statement)/i.test(file.get('pool_mode', 'pgbouncer')?.value ?? '')) return
    if (always !== undefined && Number(always.value) === 1)
      yield { at: always.at, message: 'each transaction pays a round trip for the reset' }
    else if (reset !== undefined && reset.value !== '')
      yield { at: reset.at, message: 'it never runs: what a client sets is there for the next one' }
  },
}
