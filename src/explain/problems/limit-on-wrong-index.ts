import { amount } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const limitOnWrongIndex: ProblemKind = {
  id: 'limit-on-wrong-index',
  level: 'critical',
  title: 'ORDER BY … LIMIT that walks an index for its order and filters nearly all away',
  remedy: 'An index with the columns of the filter first and those of the order behind them.',
  *find(_plan, nodes) {
    for (const limit of nodes) {
      if (limit.type !== 'Limit') continue
      let scan = limit.children[0]
      while (scan !== undefined && /^(Gather Merge|Subquery Scan|LockRows|Incremental Sort)$/.test(scan.type))
        scan = scan.children[0]
      if (scan === undefined || !/^Index( Only)? Scan$/.test(scan.type)) continue
      const removed = amount(scan, 'Rows Removed by Filter') * (scan.actual?.loops ?? 0)
      if (removed >= 10_000)
        yield {
          node: scan,
          evidence: `${many(removed)} rows walked over to find ${many(limit.actual?.rows ?? 0)}, by ${scan.index}`,
        }
    }
  },
}
