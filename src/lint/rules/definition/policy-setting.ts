import type { StatementRule } from '../../rule.js'
import { as, lastWord, type Visited } from '../../sql/tree.js'

export const policySetting: StatementRule = {
  on: 'sql',
  id: 'policy-setting',
  level: 'warning',
  summary: 'A policy that calls current_setting() bare, or without a second argument.',
  why: 'Bare, it is asked again for every row that a filter looks at. Without missing_ok every query fails until the setting was set once.',
  remedy:
    "`tenant_id = (select nullif(current_setting('app.tenant', true), ''))`: asked once, null when unset, and null lets no row through.",
  *check(statement) {
    const policy = statement.is('CreatePolicyStmt') ?? statement.is('AlterPolicyStmt')
    if (policy === undefined) return
    for (const call of statement.all('FuncCall')) {
      const name = lastWord(call.node.funcname)
      if (!/^(current_setting|auth_uid|uid|jwt)$/.test(name)) continue
      let at: Visited | undefined = call
      while (at !== undefined && at.kind !== 'SubLink') at = at.parent
      const isOnce = at !== undefined
      const missing = as(call.node.args?.[1], 'A_Const')?.boolval?.boolval === true
      if (!isOnce)
        yield {
          at: call.node.location,
          message: `${name}() is called for every row; (select ${name}(…)) is called once`,
        }
      if (name === 'current_setting' && !missing) {
        yield { at: call.node.location, message: 'every query fails while the setting was never set' }
      }
    }
  },
}
