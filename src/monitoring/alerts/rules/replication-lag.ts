import { defineAlert } from '../rule.js'

/** Seconds since the last replay grow on every idle server. */
export const replicationLag = defineAlert({
  id: 'replication-lag',
  title: 'A standby is behind',
  level: 'warning',
  condition: {
    of: { metric: 'pg_stat_replication_pg_wal_lsn_diff' },
    is: '>=',
    than: { threshold: 'replicationLagMb', times: 1024 ** 2 },
  },
  forS: 300,
  summary: 'Standby {application_name} has {value|bytes} of WAL to replay.',
  meaning:
    'What it has not received is lost when the primary is; what it has not replayed its readers do not see. Bytes count: on an idle server seconds say nothing.',
  action: 'Received but not replayed: a query on the standby holds it back, or its disk. Not received: the network.',
  check: 'replication-lag',
})
