import type { SettingsRule } from '../../rule.js'
import { knownSetting, measure } from '../../settings/known-setting.js'

export const checkpointBySize: SettingsRule = {
  on: 'postgresql.conf',
  id: 'checkpoint-by-size',
  level: 'info',
  summary: 'A long checkpoint_timeout with little max_wal_size.',
  why: 'The checkpoint comes when the WAL is half of max_wal_size or so, long before the time is over, and each writes full pages anew.',
  remedy: 'max_wal_size of at least the WAL of a busy checkpoint_timeout times 2.3; measure it by pg_stat_wal.',
  *check(file, { version }) {
    const amount = (name: string) => {
      const [entry, setting] = [file.get(name), knownSetting(name, version)]
      const measured = entry === undefined || setting === undefined ? undefined : measure(setting, entry.value)
      return typeof measured === 'number' ? measured : undefined
    }
    const [timeout, size] = [amount('checkpoint_timeout'), amount('max_wal_size')]
    if (timeout === undefined || size === undefined) return
    const completion = Number(file.get('checkpoint_completion_target')?.value ?? 0.9)
    const rate = size / (1 + completion) / (timeout / 1000) / 1e6
    if (rate < 1) {
      yield {
        at: file.get('max_wal_size')?.at,
        message: `checkpoints come by time only while less than ${rate.toFixed(1)} MB of WAL are written a second`,
      }
    }
  },
}
