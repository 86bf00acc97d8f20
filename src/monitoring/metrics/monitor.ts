import { counter, gauge, group } from './family.js'

/** What the monitor tells of itself. */
export const MONITOR_METRICS = {
  sources: group('pgfleet_monitor_', ['source'], {
    source_up: gauge(
      '1 when the source could look the last time, 0 when not. Absent for one that does not apply to this server.',
    ),
    source_duration_seconds: gauge('How long the collection waited for the source the last time.'),
    source_age_seconds: gauge('How long ago the values of a source of the slow pace were read.'),
  }),
  failures: group('pgfleet_monitor_', ['source', 'reason'], {
    source_failure: gauge('Always 1; why the source could not look.'),
  }),
  collection: group('pgfleet_monitor_', [], {
    collection_duration_seconds: gauge('How long the last collection took.'),
    snapshot_age_seconds: gauge('How long ago the values that follow were read.'),
    last_up_seconds: gauge('How long ago the server last answered; absent as long as it never has.'),
    collections_total: counter('Collections begun.'),
    collection_failures_total: counter('Collections in which the server did not answer.'),
    reconnects_total: counter('Connections opened after the first.'),
    series: gauge('Series in the last snapshot.'),
  }),
  resets: group('pgfleet_monitor_', ['reason'], {
    resets_total: counter(
      'Times that counters started anew between two collections, by reason: restart, promotion, failover, statistics.',
    ),
  }),
  observers: group('pgfleet_monitor_', ['observer'], {
    observer_failures_total: counter('Snapshots that an observer (alerts, history) failed to take.'),
  }),
} as const
