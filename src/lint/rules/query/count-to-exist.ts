import type { StatementRule } from '../../rule.js'
import { as, lastWord, numberOf, operatorOf } from '../../sql/tree.js'

export const countToExist: StatementRule = {
  on: 'sql',
  id: 'count-to-exist',
  level: 'warning',
  summary: 'count(*) compared with zero.',
  why: 'All rows are counted to learn that there is one.',
  remedy: 'EXISTS.',
  *check(statement) {
    for (const { node } of statement.all('A_Expr')) {
      const wrapped = { A_Expr: node }
      const link = as(node.lexpr, 'SubLink')
      const target = as(as(as(link?.subselect, 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val, 'FuncCall')
      if (link?.subLinkType !== 'EXPR_SUBLINK' || lastWord(target?.funcname) !== 'count') continue
      const value = numberOf(node.rexpr)
      const operator = operatorOf(wrapped)
      const asksForOne =
        (value === 0 && /^(>|=|<>)$/.test(operator ?? '')) || (value === 1 && /^(>=|<)$/.test(operator ?? ''))
      if (asksForOne) yield { at: node.location, message: 'every row is counted to learn whether there is one' }
    }
  },
}
