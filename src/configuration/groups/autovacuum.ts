import type { Given, SettingGroup } from '../advised-setting.js'

/** Megabytes (10^6 bytes) that vacuum may make dirty in a second. */
const DIRTY_MB = { nvme: 410, ssd: 205, network: 102, hdd: 51 } as const
/** `vacuum_cost_page_dirty`, and the delay in seconds. */
const PAGE_DIRTY = 20
const DELAY_S = 0.002
/** The limit of the defaults, for three workers. */
const DEFAULT = { limit: 200, workers: 3 } as const

function costLimit({ machine, memory }: Given): number {
  const byDisk = Math.round((DIRTY_MB[machine.disk] * 1e6 * PAGE_DIRTY * DELAY_S) / 8192 / 50) * 50
  // All workers share the budget: none should be slower than one of three.
  const byWorkers = Math.ceil(((DEFAULT.limit / DEFAULT.workers) * memory.autovacuumWorkers) / 50) * 50
  return Math.max(byDisk, byWorkers)
}

export const autovacuum: SettingGroup = {
  name: 'autovacuum',
  title: 'Autovacuum',
  purpose: 'safety',
  settings: [
    {
      name: 'autovacuum',
      source: 'P',
      formula: 'on',
      why: 'Without it dead rows are never removed, and transaction ids run out.',
      cost: 'Off: the server stops accepting writes in the end.',
      values: () => ['on'],
    },
    {
      name: 'autovacuum_worker_slots',
      source: 'P',
      versions: [18, 18],
      formula: '16',
      why: 'So far autovacuum_max_workers can be raised without a restart.',
      cost: 'None worth speaking of.',
      values: () => ['16'],
    },
    {
      name: 'autovacuum_max_workers',
      source: 'O',
      formula: 'three tenths of the cores, 3 to 16',
      why: 'Many tables become due at once.',
      cost: 'Workers share one budget: more of them without a higher limit are each slower.',
      values: ({ memory }) => [String(memory.autovacuumWorkers)],
    },
    {
      name: 'autovacuum_naptime',
      source: 'P',
      formula: '1 min',
      why: 'So often each database is looked at.',
      cost: 'Longer: hot tables gather dead rows meanwhile.',
      values: () => ['1min'],
    },
    {
      name: 'autovacuum_vacuum_cost_delay',
      source: 'P',
      formula: '2 ms',
      why: 'The limit is what to steer by; guides from before PostgreSQL 12 say 10 or 20 ms.',
      cost: '10 ms with a limit of 1000 is exactly the default’s speed; 0 takes the disk for itself.',
      values: () => ['2ms'],
    },
    {
      name: 'autovacuum_vacuum_cost_limit',
      source: 'P, O',
      formula:
        'MB/s that may be made dirty × 10⁶ ÷ 8192 × vacuum_cost_page_dirty (20) × 0.002 s, for 410 (NVMe), 205 (SSD), 102 (network), 51 (rotating disk); at least 67 for each worker',
      why: 'The default, 41 MB/s for all workers together, is short for large databases.',
      cost: 'Too low: vacuum never catches up. Too high: it takes the disk from statements.',
      values: (given) => [String(costLimit(given))],
    },
    {
      name: 'autovacuum_vacuum_scale_factor',
      source: 'O',
      formula: '0.1; single large tables less',
      why: 'A fifth of a large table is very many dead rows.',
      cost: 'Too low: small tables are vacuumed again and again.',
      values: () => ['0.1'],
    },
    {
      name: 'autovacuum_vacuum_max_threshold',
      source: 'O',
      versions: [18, 18],
      formula: '10 million',
      why: 'Whatever its size, a table is vacuumed after so many dead rows; the default is 100 million.',
      cost: 'Too low: large tables are vacuumed without end.',
      values: () => ['10000000'],
    },
    {
      name: 'autovacuum_analyze_scale_factor',
      source: 'O',
      formula: '0.05',
      why: 'Statistics of growing tables are the planner’s idea of yesterday.',
      cost: 'Too low: analyze runs again and again.',
      values: () => ['0.05'],
    },
  ],
}
