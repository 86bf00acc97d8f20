import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const rowSecurityNotForced: StatementRule = {
  on: 'sql',
  id: 'row-security-not-forced',
  level: 'warning',
  summary: 'ENABLE ROW LEVEL SECURITY without FORCE.',
  why: "The table's owner passes by every policy, and so does an application that logs in as the owner. A measurement as the owner measures nothing.",
  remedy: 'ALTER TABLE … FORCE ROW LEVEL SECURITY, and let the application log in as a role that owns nothing.',
  *check(statement, { catalog, statements }) {
    const alter = statement.is('AlterTableStmt')
    const enables = (alter?.cmds ?? []).some((each) => as(each, 'AlterTableCmd')?.subtype === 'AT_EnableRowSecurity')
    if (!enables || statement.routine?.dynamic === true) return
    const relation = alter?.relation
    const table = relation === undefined ? undefined : catalog.find(relation.schemaname, relation.relname ?? '')
    const isForced =
      table?.forced === true ||
      statements.some(
        (other) =>
          other.is('AlterTableStmt')?.relation?.relname === relation?.relname &&
          other.all('AlterTableCmd').some(({ node }) => node.subtype === 'AT_ForceRowSecurity'),
      )
    if (!isForced) yield { at: relation?.location, message: `the owner of ${relation?.relname} sees every row` }
  },
}
