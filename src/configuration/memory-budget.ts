import type { Machine } from './machine.js'

const MB = 1024 ** 2
const GB = 1024 ** 3

/** How a machine's memory is shared out, in bytes. */
export interface MemoryBudget {
  readonly sharedBuffers: number
  /** What the planner may hope to find in a cache. */
  readonly effectiveCache: number
  readonly workMem: number
  readonly maintenanceWorkMem: number
  readonly autovacuumWorkMem: number
  readonly autovacuumWorkers: number
  /** What `work_mem` was bound by: what statements take at once, all connections together, or the most that helps. */
  readonly workMemBoundBy: 'statements' | 'connections' | 'ceiling' | 'floor'
}

/** Nodes of a plan that hold memory at the same time, of a typical statement. */
const NODES = 3
/** `hash_mem_multiplier`, 2 since PostgreSQL 15. */
const HASH_MULTIPLIER = 2
/** Share of the memory that all settings together may allow; the doctor warns from 0.8 on. */
const SHARE_MAX = 0.75
/** The most that autovacuum can use, and the slots that PostgreSQL 18 has for its workers. */
const WORKERS = { min: 3, max: 16 } as const
/** Beyond it a larger `work_mem` brings short statements nothing. */
const WORK_MEM_MAX = { oltp: 256 * MB, mixed: 512 * MB, analytics: 2 * GB, vectors: 256 * MB } as const

/** Shares the memory out; every part is rounded down to a neat size. */
export function memoryBudget(machine: Machine): MemoryBudget {
  const { memoryBytes: memory, cores, connections, activeConnections, workload } = machine
  const sharedBuffers = neat(Math.max(memory / 4, Math.min(128 * MB, 0.4 * memory)))
  const effectiveCache = neat(0.75 * memory)
  const maintenanceWorkMem = neat(Math.min(memory / 16, 2 * GB))
  const autovacuumWorkMem = neat(Math.min(maintenanceWorkMem, GB, memory / 64))
  const autovacuumWorkers = Math.min(Math.max(Math.ceil(cores * 0.3), WORKERS.min), WORKERS.max)
  const taken = sharedBuffers + maintenanceWorkMem + autovacuumWorkers * autovacuumWorkMem
  // Parallel workers sort and hash as sessions do.
  const byStatements = (memory - taken) / ((activeConnections + parallelWorkers(machine)) * NODES * HASH_MULTIPLIER)
  // Also when every connection hashes once at the same time, the memory has to do.
  const byConnections = (SHARE_MAX * memory - taken) / (connections * HASH_MULTIPLIER)
  const bounds = [
    { size: byStatements, boundBy: 'statements' as const },
    { size: byConnections, boundBy: 'connections' as const },
    { size: WORK_MEM_MAX[workload], boundBy: 'ceiling' as const },
  ].sort((a, b) => a.size - b.size)
  const least = bounds[0] as (typeof bounds)[number]
  const isTiny = least.size < 64 * 1024
  return {
    sharedBuffers,
    effectiveCache,
    workMem: isTiny ? 64 * 1024 : neat(least.size),
    maintenanceWorkMem,
    autovacuumWorkMem,
    autovacuumWorkers,
    workMemBoundBy: isTiny ? 'floor' : least.boundBy,
  }
}

/** Parallel workers that may run at the same time: one a core. */
export function parallelWorkers({ cores }: Machine): number {
  return cores === 1 ? 0 : cores
}

/** Rounded down to five bits, so that it can be said in few digits: 3932 MB is 3840 MB. Never below 64 kB. */
export function neat(bytes: number): number {
  if (bytes < 64 * 1024) return 64 * 1024
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 4)
  return Math.floor(bytes / step) * step
}
