import { gauge, group } from './family.js'

/** What a database of pgfleet has besides; absent elsewhere. */
export const FLEET_METRICS = {
  schema: group('pgfleet_', [], {
    schema_version: gauge('The newest migration of the database’s schema.'),
    tenants: gauge('Tenants; absent for a login that may not see them.'),
  }),
  maintenance: group('pgfleet_maintenance_', ['service'], {
    last_run_age_seconds: gauge('Since the newest run of the service ended. Absent for one that has never run.'),
    last_success_age_seconds: gauge(
      'Since a run of the service ended well or had nothing to do. Absent where none has.',
    ),
    running_seconds: gauge('How long the run that is under way has lasted; 0 without one.'),
  }),
  outcome: group('pgfleet_maintenance_', ['service', 'outcome'], {
    last_run: gauge('Always 1; outcome says how the newest run of the service ended.'),
  }),
  lease: group('pgfleet_maintenance_', [], {
    is_led: gauge('1 while a process leads the maintenance, else 0.'),
  }),
  jobs: group('pgfleet_jobs_', ['state'], {
    depth: gauge(
      'Jobs of all tenants by state: ready, waiting (for its time), leased, expired (its lease has run out), held.',
    ),
    oldest_seconds: gauge('How long the oldest job of the state has been in it; 0 without one.'),
  }),
  erasures: group('pgfleet_erasures_', [], {
    unfinished: gauge('Erasures of tenants that have begun and not ended.'),
    oldest_seconds: gauge('Since the oldest of these began; 0 without one.'),
  }),
  archives: group('pgfleet_archives_', ['state'], {
    count: gauge('Archives of partitions by state.'),
  }),
  recall: group('pgfleet_vector_', ['schemaname', 'relname', 'indexname'], {
    recall_ratio: gauge(
      'Share of the true nearest neighbours that a search by the index finds, from samples. Measured as often as --recall says.',
    ),
  }),
  backup: group('pgfleet_backup_', [], {
    age_seconds: gauge(
      'Since the newest complete backup in the folder of --backups began. Absent where there is none.',
    ),
    bytes: gauge('Its size.'),
    count: gauge('Complete backups in the folder.'),
  }),
} as const
