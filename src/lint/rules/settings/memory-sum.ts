import type { SettingsRule } from '../../rule.js'
import { knownSetting, measure } from '../../settings/known-setting.js'

export const memorySum: SettingsRule = {
  on: 'postgresql.conf',
  id: 'memory-sum',
  level: 'warning',
  summary: 'work_mem times connections beyond what the machine can have, judged by its other settings.',
  why: 'Each sort of each connection may take work_mem, each hash twice that (hash_mem_multiplier): when all do, the kernel ends the server.',
  remedy:
    '(RAM − shared_buffers) / (active connections × 3 × hash_mem_multiplier), with the connections that a pooler lets through; more for single queries by `set local work_mem`.',
  *check(file, { version }) {
    const bytes = (name: string) => {
      const [entry, setting] = [file.get(name), knownSetting(name, version)]
      if (entry === undefined || setting === undefined) return undefined
      const measured = measure(setting, entry.value)
      return typeof measured === 'number' ? measured : undefined
    }
    const [shared, cache, work] = [bytes('shared_buffers'), bytes('effective_cache_size'), bytes('work_mem')]
    const gigabytes = (value: number) => `${(value / 1024 ** 3).toFixed(1)} GB`
    if (shared !== undefined && cache !== undefined && cache < shared) {
      const at = file.get('effective_cache_size')?.at
      yield {
        at,
        message: 'effective_cache_size is smaller than shared_buffers, which is a part of it',
        remedy: 'What the operating system caches, shared_buffers included: half to three quarters of the memory.',
      }
    }
    const connections = Number(file.get('max_connections')?.value ?? (file.partial ? Number.NaN : 100))
    if (shared === undefined || work === undefined || Number.isNaN(connections)) return
    // shared_buffers is a quarter of the memory, and effective_cache_size three quarters, where nobody says otherwise.
    const memory = Math.max(shared * 4, (cache ?? 0) / 0.75)
    const multiplier = Number(file.get('hash_mem_multiplier')?.value ?? 2)
    const most = shared + connections * work * multiplier
    if (most > memory) {
      yield {
        at: file.get('work_mem')?.at,
        message: `${connections} connections with one hash each take ${gigabytes(connections * work * multiplier)} beside ${gigabytes(shared)} of shared_buffers, and the settings are those of a machine of ${gigabytes(memory)}`,
      }
    }
  },
}
