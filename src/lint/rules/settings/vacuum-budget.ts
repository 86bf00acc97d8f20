import type { SettingsRule } from '../../rule.js'
import { knownSetting, measure } from '../../settings/known-setting.js'
import type { SettingsFile } from '../../settings/settings-file.js'

/** The defaults: 200 for each 2 ms. */
const DEFAULT = { limit: 200, delay: 2, workers: 3 } as const

export const vacuumBudget: SettingsRule = {
  on: 'postgresql.conf',
  id: 'vacuum-budget',
  level: 'warning',
  summary: 'Autovacuum settings that look faster than the defaults and are not.',
  why: 'What counts is cost_limit divided by cost_delay, and all workers share it: 1000 each 10 ms is the default of 200 each 2 ms, and more workers alone make each slower.',
  remedy:
    'autovacuum_vacuum_cost_delay = 2ms with autovacuum_vacuum_cost_limit = 1000 to 2000; raise the limit with the workers.',
  *check(file, { version }) {
    const delayEntry = file.get('autovacuum_vacuum_cost_delay')
    const limitEntry = file.get('autovacuum_vacuum_cost_limit') ?? file.get('vacuum_cost_limit')
    const workersEntry = file.get('autovacuum_max_workers')
    const delay = amount(file, 'autovacuum_vacuum_cost_delay', version) ?? DEFAULT.delay
    const limit = amount(file, limitEntry?.name ?? '', version) ?? DEFAULT.limit
    const workers = amount(file, 'autovacuum_max_workers', version) ?? DEFAULT.workers
    if (delay <= 0) return
    const budget = limit / delay
    const least = DEFAULT.limit / DEFAULT.delay
    if (delayEntry !== undefined && budget <= least && (limit !== DEFAULT.limit || delay !== DEFAULT.delay)) {
      const amounts = `${limit} each ${delay} ms is ${budget === least ? 'exactly' : 'less than'} the default of ${DEFAULT.limit} each ${DEFAULT.delay} ms`
      yield { at: delayEntry.at, message: amounts }
    }
    if (workersEntry !== undefined && workers > DEFAULT.workers && budget / workers < least / DEFAULT.workers) {
      yield { at: workersEntry.at, message: `${workers} workers share what 3 had: each is slower` }
    }
  },
}

function amount(file: SettingsFile, name: string, version: number): number | undefined {
  const entry = file.get(name)
  const setting = knownSetting(name, version)
  if (entry === undefined || setting === undefined) return undefined
  const measured = measure(setting, entry.value)
  return typeof measured === 'number' && measured >= 0 ? measured : undefined
}
