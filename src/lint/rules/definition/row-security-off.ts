import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const rowSecurityOff: StatementRule = {
  on: 'sql',
  id: 'row-security-off',
  level: 'error',
  summary: 'DISABLE ROW LEVEL SECURITY, or a role with BYPASSRLS.',
  why: 'From then on everybody sees every row, of other tenants too, until somebody turns it on again: no way to measure what it costs.',
  remedy: 'Compare by two roles instead, one with BYPASSRLS for the measurement alone, the same SQL in turns.',
  *check(statement) {
    const alter = statement.is('AlterTableStmt')
    for (const each of alter?.cmds ?? []) {
      if (as(each, 'AlterTableCmd')?.subtype !== 'AT_DisableRowSecurity') continue
      yield {
        at: alter?.relation?.location,
        message: `every role with SELECT sees all rows of ${alter?.relation?.relname}`,
      }
    }
    const role = statement.is('CreateRoleStmt') ?? statement.is('AlterRoleStmt')
    for (const each of role?.options ?? []) {
      const option = as(each, 'DefElem')
      if (option?.defname !== 'bypassrls' || as(option.arg, 'Boolean')?.boolval !== true) continue
      yield { at: option.location, level: 'warning', message: 'the role passes by every policy' }
    }
  },
}
