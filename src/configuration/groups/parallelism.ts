import type { SettingGroup } from '../advised-setting.js'
import { parallelWorkers } from '../memory-budget.js'

/** Worker processes that extensions and logical replication keep besides. */
const OTHERS = 4

export const parallelism: SettingGroup = {
  name: 'parallelism',
  title: 'Parallel queries',
  purpose: 'speed',
  settings: [
    {
      name: 'max_worker_processes',
      source: 'T',
      formula: 'cores + 4, at least 8',
      why: 'All parallel workers come out of these, and those of extensions and of logical replication.',
      cost: 'Too few: parallel plans run with fewer workers than planned, in silence.',
      values: ({ machine }) => [String(Math.max(8, machine.cores + OTHERS))],
    },
    {
      name: 'max_parallel_workers',
      source: 'T',
      formula: 'cores; 0 with one core',
      why: 'More workers than cores wait for each other.',
      cost: 'Too many: short statements wait behind long ones.',
      values: ({ machine }) => [String(Math.min(1024, parallelWorkers(machine)))],
    },
    {
      name: 'max_parallel_workers_per_gather',
      source: 'T, O',
      formula: 'half the cores, at most 2 (oltp, vectors), 4 (mixed), 16 (analytics); 0 with one core',
      why: 'One statement should not take the cores of all others.',
      cost: 'Too many: each worker takes work_mem, and one report takes the machine. Too few: long scans take longer.',
      values: ({ machine: { cores, workload } }) => {
        const most = { oltp: 2, vectors: 2, mixed: 4, analytics: 16 }[workload]
        return [String(cores === 1 ? 0 : Math.min(Math.ceil(cores / 2), most))]
      },
    },
    {
      name: 'max_parallel_maintenance_workers',
      source: 'T',
      formula: 'half the cores, at most 4, 8 for vectors; 0 with one core',
      why: 'Builds of B-tree, BRIN and HNSW indexes share the work.',
      cost: 'Too many: a build takes the cores of all others.',
      values: ({ machine: { cores, workload } }) => [
        String(cores === 1 ? 0 : Math.min(Math.ceil(cores / 2), workload === 'vectors' ? 8 : 4)),
      ],
    },
  ],
}
