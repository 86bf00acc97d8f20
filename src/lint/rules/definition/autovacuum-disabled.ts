import type { StatementRule } from '../../rule.js'
import { numberOf, stringOf } from '../../sql/tree.js'

export const autovacuumDisabled: StatementRule = {
  on: 'sql',
  id: 'autovacuum-disabled',
  level: 'warning',
  summary: 'A table whose autovacuum is turned off.',
  why: 'Dead rows stay, statistics grow old, and one day the table is vacuumed all at once to keep transaction ids from wrapping around.',
  remedy: 'Leave it on, and give the table a threshold that fits it.',
  *check(statement) {
    for (const { node } of statement.all('DefElem')) {
      if (node.defname !== 'autovacuum_enabled') continue
      const value = stringOf(node.arg) ?? String(numberOf(node.arg) ?? '')
      if (/^(false|off|no|0)$/i.test(value)) yield { at: node.location, message: 'nobody cleans up this table' }
    }
  },
}
