import type { SettingsRule } from '../../rule.js'

export const settingDuplicate: SettingsRule = {
  on: 'postgresql.conf',
  id: 'setting-duplicate',
  level: 'warning',
  summary: 'A setting that stands twice in a file.',
  why: 'The last one counts, without a word about the others.',
  remedy: 'Keep one.',
  *check(file) {
    for (const entry of file.entries) {
      const last = file.get(entry.name)
      if (last !== undefined && last.at !== entry.at && last.value !== entry.value) {
        yield { at: entry.at, message: `${entry.name} = ${last.value} further down is what counts` }
      }
    }
  },
}
