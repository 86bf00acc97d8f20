import { defineAlert } from '../rule.js'

/** A gap is told, not passed over. */
export const collectionFailing = defineAlert({
  id: 'collection-failing',
  title: 'A part of the metrics is missing',
  level: 'warning',
  condition: { of: { metric: 'pgfleet_monitor_source_up' }, is: '==', than: { value: 0 } },
  forS: 600,
  summary: 'The source {source} could not look for ten minutes.',
  meaning: 'What this source measures is not known, and the alerts about it cannot come.',
  action:
    'The metric pgfleet_monitor_source_failure has the reason. Most often the extension pg_stat_statements or a right is missing: create the one, or grant pg_monitor to the login. Leave out by --without what is not wanted.',
})
