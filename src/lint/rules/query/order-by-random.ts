import type { StatementRule } from '../../rule.js'
import { as, lastWord } from '../../sql/tree.js'

export const orderByRandom: StatementRule = {
  on: 'sql',
  id: 'order-by-random',
  level: 'warning',
  summary: 'ORDER BY random() with LIMIT on a table.',
  why: 'Every row is read and sorted to take a few.',
  remedy: 'TABLESAMPLE, or a random point in an indexed column.',
  *check(statement) {
    for (const { node } of statement.all('SelectStmt')) {
      if (node.limitCount === undefined || !(node.fromClause ?? []).some((each) => 'RangeVar' in each)) continue
      for (const each of node.sortClause ?? []) {
        const call = as(as(each, 'SortBy')?.node, 'FuncCall')
        if (lastWord(call?.funcname) === 'random')
          yield { at: call?.location, message: 'every row is sorted to take a few' }
      }
    }
  },
}
