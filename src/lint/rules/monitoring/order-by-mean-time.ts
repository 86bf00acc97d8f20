import type { StatementRule } from '../../rule.js'
import { as, columnOf } from '../../sql/tree.js'

export const orderByMeanTime: StatementRule = {
  on: 'sql',
  id: 'order-by-mean-time',
  level: 'info',
  summary: 'pg_stat_statements in the order of mean time.',
  why: 'A report that runs once a month comes first; the query that takes half of the server does not.',
  remedy: 'Order by total_exec_time, best by its growth between two readings; mean time with a least number of calls.',
  *check(statement) {
    if (!statement.all('RangeVar').some(({ node }) => node.relname === 'pg_stat_statements')) return
    for (const { node } of statement.all('SortBy')) {
      const name = columnOf(node.node)?.name
      if (name !== 'mean_exec_time' && name !== 'mean_time' && name !== 'max_exec_time') continue
      const isGated = statement
        .all('ColumnRef')
        .some((each) => columnOf({ ColumnRef: each.node })?.name === 'calls' && each.parent?.kind === 'A_Expr')
      if (!isGated) yield { at: as(node.node, 'ColumnRef')?.location, message: `${name} puts rare queries first` }
    }
  },
}
