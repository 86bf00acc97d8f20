import { readFolder } from '../../../backup/folder.js'
import { duration } from '../../../doctor/figures.js'
import { defineQuestion } from '../../question.js'

/** A backup that nobody makes any more is noticed when it is needed. */
export const backupRecent = defineQuestion({
  id: 'backup-recent',
  concern: 'recovery',
  question: 'Is there a complete backup of this database that is young enough?',
  why: 'A backup fails silently: a full disk, a changed password. What counts is the age of the newest one that is complete.',
  how: 'The folder that `--backups` names is read for the newest backup of the database, whose files have been verified when it was written. A backup by the storage or the provider cannot be seen.',
  mend: 'pgfleet backup --to DIR; then pgfleet checklist --backups DIR',
  async ask({ backups: folder, server, ageMaxMs }) {
    if (folder === undefined) return { answer: 'cannot tell', evidence: ['no folder of backups was named'] }
    const { backups } = await readFolder(folder)
    const newest = backups.find(({ manifest }) => manifest.database === server.database)
    if (newest === undefined)
      return { answer: 'no', evidence: [`${folder} has no complete backup of ${server.database}`] }
    const age = Date.now() - newest.manifest.endedAt.getTime()
    const evidence = [`${newest.name} is ${duration(age / 1000)} old`]
    return { answer: age <= ageMaxMs ? 'yes' : 'no', evidence }
  },
})
