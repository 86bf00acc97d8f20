import type { StatementRule } from '../../rule.js'
import { as, stringOf } from '../../sql/tree.js'

export const md5Password: StatementRule = {
  on: 'sql',
  id: 'md5-password',
  level: 'warning',
  summary: 'A password hashed with MD5, or hashed so from now on.',
  why: 'The hash is what logs in: whoever reads it needs no password. Support is deprecated in 18 and will be removed.',
  remedy: "`set password_encryption = 'scram-sha-256'` and set the passwords anew.",
  *check(statement) {
    const role = statement.is('CreateRoleStmt') ?? statement.is('AlterRoleStmt')
    for (const each of role?.options ?? []) {
      const option = as(each, 'DefElem')
      if (option?.defname === 'password' && /^md5[0-9a-f]{32}$/.test(stringOf(option.arg) ?? '')) {
        yield { at: option.location, message: 'the password is an MD5 hash' }
      }
    }
    const set =
      statement.is('VariableSetStmt') ??
      statement.is('AlterRoleSetStmt')?.setstmt ??
      statement.is('AlterDatabaseSetStmt')?.setstmt
    if (set?.name?.toLowerCase() === 'password_encryption' && stringOf(set.args?.[0]) === 'md5') {
      yield { message: 'passwords are hashed with MD5 from here on' }
    }
  },
}
