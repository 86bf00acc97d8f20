import { amount } from '../plan.js'
import type { ProblemKind } from '../problem.js'

export const workersMissing: ProblemKind = {
  id: 'workers-missing',
  level: 'warning',
  title: 'Fewer parallel workers than planned',
  remedy:
    'max_parallel_workers and max_worker_processes are shared by all: raise them, or lower max_parallel_workers_per_gather.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const [planned, launched] = [amount(node, 'Workers Planned'), amount(node, 'Workers Launched')]
      if (!/^Gather/.test(node.type) || node.actual === undefined || launched >= planned) continue
      yield { node, evidence: `${planned} planned, ${launched} launched` }
    }
  },
}
