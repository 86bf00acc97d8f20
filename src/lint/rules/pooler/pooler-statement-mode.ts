import type { SettingsRule } from '../../rule.js'

export const poolerStatementMode: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-statement-mode',
  level: 'warning',
  summary: 'pool_mode = statement.',
  why: 'Transactions of more than one statement are refused, and with them `set local`.',
  remedy: 'pool_mode = transaction.',
  *check(file) {
    const mode = file.get('pool_mode', 'pgbouncer')
    if (/^statement/i.test(mode?.value ?? '')) yield { at: mode?.at, message: 'no transaction can hold two statements' }
  },
}
