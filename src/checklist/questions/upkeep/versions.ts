import { defineQuestion } from '../../question.js'

/** Known faults are to be mended. */
export const versions = defineQuestion({
  id: 'versions',
  concern: 'upkeep',
  question: 'Do the server and its extensions have the corrections that exist?',
  why: 'Minor releases mend loss of data and holes in security; a major that has reached its end gets none.',
  mend: 'Update to the newest minor release and restart: pgfleet doctor --check server-version extension-advisory',
  checks: ['server-version', 'extension-advisory', 'extension-version', 'pending-restart', 'configuration-file-error'],
})
