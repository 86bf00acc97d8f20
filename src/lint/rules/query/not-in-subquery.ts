import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const notInSubquery: StatementRule = {
  on: 'sql',
  id: 'not-in-subquery',
  level: 'warning',
  summary: 'NOT IN (subquery).',
  why: 'One null in the subquery and no row qualifies; and it is no anti-join: for a large subquery the list is searched for each row.',
  remedy: 'NOT EXISTS.',
  *check(statement) {
    for (const { node } of statement.all('BoolExpr')) {
      if (node.boolop !== 'NOT_EXPR') continue
      const link = as(node.args?.[0], 'SubLink')
      if (link?.subLinkType === 'ANY_SUBLINK' && link.operName === undefined) {
        yield {
          at: link.location ?? node.location,
          message: 'a null among the results of the subquery makes the whole result empty',
        }
      }
    }
    for (const { node } of statement.all('SubLink')) {
      const [name] = (node.operName ?? []).map((each) => as(each, 'String')?.sval)
      if (node.subLinkType === 'ALL_SUBLINK' && name === '<>') {
        yield { at: node.location, message: 'a null among the results of the subquery makes the whole result empty' }
      }
    }
  },
}
