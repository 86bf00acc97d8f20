import { count } from '../../../doctor/figures.js'
import { defineQuestion } from '../../question.js'

/** What was never restored is no backup. */
export const backupRestorable = defineQuestion({
  id: 'backup-restorable',
  concern: 'recovery',
  question: 'Can the newest backup be restored?',
  why: 'Only a restore shows that a backup is whole, that its key is at hand, and that somebody knows how.',
  how: 'With `--rehearse URL` the newest backup is restored into a scratch database of that server, the rows of every table are compared with what was backed up, and the scratch database is dropped.',
  mend: 'pgfleet backup test DIR --url URL; or pgfleet checklist --backups DIR --rehearse URL',
  async ask({ rehearse }) {
    if (rehearse === undefined) return { answer: 'cannot tell', evidence: ['no server was named for a rehearsal'] }
    try {
      const rows = await rehearse()
      return { answer: 'yes', evidence: [`restored and compared: ${count(rows)} rows`] }
    } catch (error) {
      return { answer: 'no', evidence: [(error as Error).message] }
    }
  },
})
