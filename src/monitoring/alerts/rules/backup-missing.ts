import { defineAlert } from '../rule.js'

/** An age is missing where there is none. */
export const backupMissing = defineAlert({
  id: 'backup-missing',
  title: 'There is no backup',
  level: 'error',
  condition: { of: { metric: 'pgfleet_backup_count' }, is: '==', than: { value: 0 } },
  forS: 0,
  summary: 'The folder of backups has no complete backup of this database.',
  meaning: 'Whatever is lost is lost for good.',
  action: 'Run `pgfleet backup --to DIR`, and try it: `pgfleet checklist --rehearse`.',
})
