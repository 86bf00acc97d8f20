import { amount } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const manyIndexSearches: ProblemKind = {
  id: 'many-index-searches',
  level: 'info',
  title: 'An index that is descended many times in one scan',
  remedy:
    'A skip scan over many values of the first column, or a long = any (): an index that begins with the column that is compared.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const searches = amount(node, 'Index Searches') / Math.max(node.actual?.loops ?? 1, 1)
      const rows = node.actual?.rows ?? 0
      if (searches > 100 && searches > rows)
        yield { node, level: 'warning', evidence: `${many(searches)} searches a loop for ${many(rows)} rows` }
      else if (searches > 100) yield { node, evidence: `${many(searches)} searches a loop` }
    }
  },
}
