import type { StatementRule } from '../../rule.js'
import { lastWord, under } from '../../sql/tree.js'

export const bloatFromSize: StatementRule = {
  on: 'sql',
  id: 'bloat-from-size',
  level: 'warning',
  summary: 'Bloat computed from the sizes of relations.',
  why: 'The total minus the table is its indexes and TOAST, not what is dead in it: a clean table shows 60 per cent.',
  remedy:
    'pgstattuple_approx for tables, pgstatindex for B-trees; an estimate from statistics only while they are fresh.',
  *check(statement) {
    for (const { node } of statement.all('ResTarget')) {
      if (!/bloat/i.test(node.name ?? '')) continue
      const calls = under(node.val, 'FuncCall').map((each) => lastWord(each.funcname))
      const sizes = calls.filter((name) => /^pg_(total_)?(relation|table|indexes)_size$/.test(name))
      if (sizes.length > 1) yield { at: node.location, message: `${node.name} is the share of indexes and TOAST` }
    }
  },
}
