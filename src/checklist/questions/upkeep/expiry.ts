import { defineQuestion } from '../../question.js'
import { serviceVerdict } from '../../service-runs.js'

/** What has expired is to go. */
export const expiry = defineQuestion({
  id: 'expiry',
  concern: 'upkeep',
  question: 'Is what has expired, or is past its retention, removed?',
  why: 'Expired rows are not read, and stay until they are removed; a table of months is emptied by dropping its partitions.',
  how: 'The newest runs of the services `expiry` and `retention` are read.',
  mend: 'pgfleet maintain --once --service expiry retention',
  checks: ['retention-due'],
  ask: (asked) => serviceVerdict(asked, ['expiry', 'retention']),
})
