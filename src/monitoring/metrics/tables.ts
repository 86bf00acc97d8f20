import { counter, gauge, group } from './family.js'

const TABLE = ['datname', 'schemaname', 'relname'] as const

/** Tables of the database that was connected to: the busiest, and `other` for the rest. */
export const TABLE_METRICS = {
  statistics: group('pg_stat_user_tables_', TABLE, {
    seq_scan: counter('Sequential scans.'),
    seq_tup_read: counter('Rows read by sequential scans.'),
    idx_scan: counter('Index scans.'),
    idx_tup_fetch: counter('Rows fetched by index scans.'),
    n_tup_ins: counter('Rows inserted.'),
    n_tup_upd: counter('Rows updated.'),
    n_tup_del: counter('Rows deleted.'),
    n_tup_hot_upd: counter('Rows updated without a new entry in an index.'),
    n_live_tup: gauge('Live rows, as estimated.'),
    n_dead_tup: gauge('Dead rows, as estimated.'),
    n_mod_since_analyze: gauge('Rows changed since the table was analysed, as estimated.'),
    last_vacuum: gauge('When it was vacuumed by hand, in seconds since 1970; 0 for never.'),
    last_autovacuum: gauge('When autovacuum vacuumed it, in seconds since 1970; 0 for never.'),
    last_analyze: gauge('When it was analysed by hand, in seconds since 1970; 0 for never.'),
    last_autoanalyze: gauge('When autovacuum analysed it, in seconds since 1970; 0 for never.'),
    vacuum_count: counter('Times it was vacuumed by hand.'),
    autovacuum_count: counter('Times autovacuum vacuumed it.'),
    analyze_count: counter('Times it was analysed by hand.'),
    autoanalyze_count: counter('Times autovacuum analysed it.'),
    index_size_bytes: gauge('Size of its indexes; of `other` as of their last vacuum or analyse.'),
    table_size_bytes: gauge('Size of the table with its TOAST table; of `other` as of their last vacuum or analyse.'),
  }),
  debt: group('pgfleet_autovacuum_', TABLE, {
    debt_ratio: gauge(
      'Dead rows as a share of what triggers a vacuum: above 1 the table is due. Of those with the largest debt; `other` is the largest of the rest.',
    ),
    dead_tuples: gauge('Dead rows of these tables, as estimated; of `other` the sum of the rest.'),
  }),
  queue: group('pgfleet_autovacuum_', ['datname'], {
    tables_due: gauge('Tables over the trigger of a vacuum for dead rows, with autovacuum on.'),
    tables_overdue: gauge('Of those, the ones of 10,000 rows and more not vacuumed for 24 hours that no worker is at.'),
    tables_disabled: gauge('Tables with autovacuum switched off.'),
  }),
  workers: group('pgfleet_autovacuum_', [], {
    workers_busy: gauge('Vacuums that run now, of all databases, by hand or by autovacuum.'),
    workers_limit: gauge('autovacuum_max_workers.'),
  }),
  freeze: group('pgfleet_table_', TABLE, {
    frozen_age_transactions: gauge(
      'Age of the oldest transaction id in the table or its TOAST table. Of the oldest tables; no `other`.',
    ),
  }),
  vacuum: group('pg_stat_progress_vacuum_', ['datname', 'relname'], {
    heap_blks: gauge('Pages of the table being vacuumed.'),
    heap_blks_scanned: gauge('Pages scanned.'),
    heap_blks_vacuumed: gauge('Pages vacuumed.'),
    index_vacuums: gauge('Passes over the indexes.'),
    max_dead_tuples: gauge('Dead rows that fit into memory; PostgreSQL 15 and 16.'),
    num_dead_tuples: gauge('Dead rows gathered since the last pass; PostgreSQL 15 and 16.'),
    max_dead_tuple_bytes: gauge('Memory for dead rows; PostgreSQL 17 and newer.'),
    dead_tuple_bytes: gauge('Memory in use for dead rows; PostgreSQL 17 and newer.'),
    num_dead_item_ids: gauge('Dead rows gathered since the last pass; PostgreSQL 17 and newer.'),
  }),
  vacuumPhase: group('pg_stat_progress_vacuum_', ['datname', 'relname', 'phase'], {
    phase: gauge('Always 1; phase says what the vacuum is at.'),
  }),
  partitions: group('pgfleet_partition_', TABLE, {
    lead_seconds: gauge(
      'Time until the last partition by ranges of time ends; negative when it has ended. Absent for one without an end.',
    ),
    lead_partitions: gauge('Partitions that begin in the future.'),
    width_seconds: gauge('How long the last partition’s range is.'),
    default_rows: gauge('Rows in the default partition, as estimated; absent without one.'),
  }),
} as const
