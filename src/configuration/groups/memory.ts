import { type SettingGroup, sizeText } from '../advised-setting.js'

/** From so many shared buffers on, pages of 4 kB cost a noticeable part of the processor's time. */
const HUGE_PAGES_FROM = 2 * 1024 ** 3

export const memory: SettingGroup = {
  name: 'memory',
  title: 'Memory',
  purpose: 'speed',
  settings: [
    {
      name: 'shared_buffers',
      source: 'P, T',
      formula: 'a quarter of the memory; below 512 MB of memory 128 MB, at most 40 %',
      why: 'Pages that are used again and again stay here; the system caches the rest.',
      cost: 'Too little: pages are copied from the system again and again. Too much: the same pages are cached twice, and sessions lack the memory.',
      values: ({ memory }) => [sizeText(memory.sharedBuffers)],
    },
    {
      name: 'huge_pages',
      source: 'P, T',
      formula: 'try, from 2 GB of shared_buffers on',
      why: 'A large cache in pages of 4 kB needs large tables of pages, in each session anew.',
      cost: 'None: where none are reserved (vm.nr_hugepages), the server goes on without.',
      values: ({ memory }) => (memory.sharedBuffers >= HUGE_PAGES_FROM ? ['try'] : []),
    },
    {
      name: 'effective_cache_size',
      source: 'P, T',
      formula: 'three quarters of the memory',
      why: 'The planner judges by it whether an index will be found in a cache; nothing is allocated.',
      cost: 'Too little: indexes are avoided. Too much: they are used where the disk has to be read at random.',
      values: ({ memory }) => [sizeText(memory.effectiveCache)],
    },
    {
      name: 'work_mem',
      source: 'T, O',
      formula:
        'the smaller of (memory − shared_buffers − autovacuum_max_workers × autovacuum_work_mem − maintenance_work_mem) ÷ ((active connections + parallel workers) × 3 nodes × hash_mem_multiplier of 2), and what lets every connection hash once within 75 % of the memory; at most 256 MB (oltp, vectors), 512 MB (mixed), 2 GB (analytics)',
      why: 'Sorts and hashes that fit into it write no temporary files.',
      cost: 'Too little: temporary files. Too much: the kernel ends the server when many sessions sort at once.',
      values: ({ memory }) => [sizeText(memory.workMem)],
    },
    {
      name: 'maintenance_work_mem',
      source: 'T',
      formula:
        'a sixteenth of the memory, at most 2 GB; more, up to 8 GB, by SET in the session that builds an HNSW index',
      why: 'Index builds and vacuums that fit into it read their data once.',
      cost: 'Too little: builds write to disk, vacuum passes over indexes several times. Too much: memory is gone while one runs.',
      values: ({ memory }) => [sizeText(memory.maintenanceWorkMem)],
    },
    {
      name: 'autovacuum_work_mem',
      source: 'O',
      formula: 'a 64th of the memory, at most 1 GB and maintenance_work_mem',
      why: 'Without it each worker may take maintenance_work_mem; from PostgreSQL 17 on also beyond 1 GB.',
      cost: 'Too little: several passes over the indexes of large tables. Too much: it is taken by all workers at once.',
      values: ({ memory }) => [sizeText(memory.autovacuumWorkMem)],
    },
  ],
}
