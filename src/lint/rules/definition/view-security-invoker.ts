import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const viewSecurityInvoker: StatementRule = {
  on: 'sql',
  id: 'view-security-invoker',
  level: 'warning',
  summary: 'A view on tables with row-level security, without security_invoker.',
  why: "A view reads with its owner's rights: past every policy, when the owner is a superuser or owns the tables.",
  remedy: '`create view … with (security_invoker = true)`.',
  *check(statement, { catalog }) {
    const view = statement.is('ViewStmt')
    if (view === undefined || statement.routine?.dynamic === true) return
    const isInvoker = (view.options ?? []).some((each) => as(each, 'DefElem')?.defname === 'security_invoker')
    if (isInvoker) return
    const secured = statement
      .all('RangeVar')
      .find(
        ({ node, role }) => role !== 'view' && catalog.find(node.schemaname, node.relname ?? '')?.rowSecurity === true,
      )
    if (secured !== undefined)
      yield {
        at: view.view?.location,
        message: `it shows all rows of ${secured.node.relname} to whoever may read the view`,
      }
  },
}
