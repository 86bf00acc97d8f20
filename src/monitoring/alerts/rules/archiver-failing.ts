import { defineAlert } from '../rule.js'

/** Its age alone would alarm on an idle server. */
export const archiverFailing = defineAlert({
  id: 'archiver-failing',
  title: 'The WAL is not archived',
  level: 'error',
  condition: { of: { metric: 'pgfleet_archiver_failing_seconds' }, is: '>=', than: { threshold: 'archiverFailingS' } },
  forS: 0,
  summary: 'Archiving fails; nothing was archived for {value|duration}.',
  meaning:
    'A backup can be restored to the last archived moment only, and what cannot be archived stays until the disk is full.',
  action:
    'Run archive_command by hand as the user of the server; its log has the output. Never delete files from pg_wal.',
  check: 'archiver-failing',
})
