import type { Node } from 'libpg-query'
import type { StatementRule } from '../../rule.js'
import type { Statement } from '../../sql/statement.js'
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
      if (link?.subLinkType === 'ANY_SUBLINK' && link.operName === undefined && !isList(link.subselect)) {
        yield {
          at: link.location ?? node.location,
          ...(isOfStatement(link.subselect, statement) && { level: 'info' as const }),
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

/** A list that a function unfolds is short, and whoever wrote it knows of its nulls. */
function isList(node: Node | undefined): boolean {
  const from = as(node, 'SelectStmt')?.fromClause ?? []
  return from.length > 0 && from.every((each) => 'RangeFunction' in each)
}

/** A common table expression is the statement's own: whoever wrote it knows of its nulls, if hardly of the next reader. */
function isOfStatement(node: Node | undefined, statement: Statement): boolean {
  const names = new Set(statement.all('CommonTableExpr').map((each) => each.node.ctename))
  const from = as(node, 'SelectStmt')?.fromClause ?? []
  return from.length > 0 && from.every((each) => names.has(as(each, 'RangeVar')?.relname))
}
