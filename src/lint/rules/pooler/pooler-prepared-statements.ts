import type { SettingsRule } from '../../rule.js'

export const poolerPreparedStatements: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-prepared-statements',
  level: 'warning',
  summary: 'Transaction pooling without max_prepared_statements.',
  why: 'Drivers prepare statements on one connection and run them on another: "prepared statement does not exist". Before 1.24 the default is 0, before 1.21 there is no support at all.',
  remedy:
    '`max_prepared_statements = 200` on PgBouncer 1.21 or later, best 1.24 or later; or turn the statement cache of the driver off.',
  *check(file) {
    const mode = file.get('pool_mode', 'pgbouncer')
    const most = file.get('max_prepared_statements', 'pgbouncer')
    const byDatabase = file.entries.some(
      ({ section, value }) => section === 'databases' && /pool_mode\s*=\s*transaction/.test(value),
    )
    if (!/^transaction/i.test(mode?.value ?? '') && !byDatabase) return
    if (most === undefined && !file.partial) {
      yield { at: mode?.at, message: 'max_prepared_statements is not set: before PgBouncer 1.24 that is 0' }
    } else if (most !== undefined && Number(most.value) === 0) {
      yield { at: most.at, message: 'prepared statements fail' }
    }
  },
}
