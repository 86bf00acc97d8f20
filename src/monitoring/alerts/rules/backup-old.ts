import { defineAlert } from '../rule.js'

/** 26 hours, as the checklist asks for: a daily backup and some patience. */
export const backupOld = defineAlert({
  id: 'backup-old',
  title: 'The newest backup is old',
  level: 'error',
  condition: { of: { metric: 'pgfleet_backup_age_seconds' }, is: '>=', than: { value: 93_600 } },
  forS: 0,
  summary: 'The newest complete backup was begun {value|duration} ago.',
  meaning: 'A backup fails silently: a full disk, a changed password. What was written since would be lost.',
  action: 'Run `pgfleet backup --to DIR` and see what it says; then mend its timer.',
})
