import type { SettingsRule } from '../../rule.js'
import { knownSetting, measure } from '../../settings/known-setting.js'

export const vacuumMemory: SettingsRule = {
  on: 'postgresql.conf',
  id: 'vacuum-memory',
  level: 'info',
  summary: 'autovacuum_work_mem left at -1 beside a large maintenance_work_mem.',
  why: 'Each autovacuum worker may then take maintenance_work_mem, from 17 on also more than 1 GB.',
  remedy: 'Set autovacuum_work_mem by itself, 1/64 of the memory or so.',
  *check(file, { version }) {
    const maintenance = file.get('maintenance_work_mem')
    const setting = knownSetting('maintenance_work_mem', version)
    if (maintenance === undefined || setting === undefined || file.partial || version < 17) return
    const own = file.get('autovacuum_work_mem')
    const size = measure(setting, maintenance.value)
    if ((own === undefined || own.value === '-1') && typeof size === 'number' && size >= 1024 ** 3) {
      yield { at: maintenance.at, message: `each autovacuum worker may take ${maintenance.value}` }
    }
  },
}
