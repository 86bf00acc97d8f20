import { defineQuestion } from '../../question.js'

/** A dump a night loses a day. */
export const pointInTime = defineQuestion({
  id: 'point-in-time',
  concern: 'recovery',
  question: 'Is the WAL archived or received, so that little is lost?',
  why: 'A dump loses what was written since. Archived WAL restores to the moment before a mistake; a standby alone repeats the mistake.',
  mend: 'Set up an archive of the WAL: docs/backup.md, point-in-time recovery.',
  checks: ['point-in-time', 'archiver-failing'],
  level: 'info',
})
