import { amount } from '../plan.js'
import { many, type ProblemKind } from '../problem.js'

export const memoizeEvicts: ProblemKind = {
  id: 'memoize-evicts',
  level: 'warning',
  title: 'A Memoize that forgets what it will be asked again, or is asked nothing twice',
  remedy: 'More work_mem for this query where it evicts; where it hardly hits, better statistics on the outer column.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      if (node.type !== 'Memoize') continue
      const [hits, misses, evictions] = [
        amount(node, 'Cache Hits'),
        amount(node, 'Cache Misses'),
        amount(node, 'Cache Evictions'),
      ]
      if (evictions > 0)
        yield { node, evidence: `${many(evictions)} evictions, ${many(hits)} hits, ${many(misses)} misses` }
      else if (misses >= 1000 && hits < misses / 10)
        yield { node, level: 'info', evidence: `${many(hits)} hits, ${many(misses)} misses` }
    }
  },
}
