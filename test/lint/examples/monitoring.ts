import type { Examples } from './index.js'

/** Rules on queries about the database itself. */
export const MONITORING: Readonly<Record<string, Examples>> = {
  'bloat-from-size': {
    bad: [
      'select (pg_total_relation_size(relid) - pg_relation_size(relid)) * 100 / pg_total_relation_size(relid) as bloat_pct from pg_stat_user_tables',
    ],
    good: [
      'select pg_total_relation_size(relid) - pg_relation_size(relid) as rest from pg_stat_user_tables',
      'select approx_free_percent as bloat from pgstattuple_approx($1)',
    ],
  },
  'blocking-by-join': {
    bad: [
      'select a.pid, b.pid from pg_locks a join pg_locks b on a.locktype = b.locktype and a.relation = b.relation and a.pid <> b.pid where not a.granted',
    ],
    good: [
      'select pid, pg_blocking_pids(pid) from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0',
      'select mode, granted from pg_locks',
    ],
  },
  'cumulative-hit-ratio': {
    bad: ['select sum(heap_blks_hit) / (sum(heap_blks_hit) + sum(heap_blks_read)) from pg_statio_user_tables'],
    good: ['select hits, evictions from pg_stat_io'],
  },
  'dead-tuple-count': {
    bad: ['select relname from pg_stat_user_tables where n_dead_tup > 10000'],
    good: ['select relname from pg_stat_user_tables where n_dead_tup > 0.2 * n_live_tup + 50'],
  },
  'order-by-mean-time': {
    bad: ['select query from pg_stat_statements order by mean_exec_time desc limit 10'],
    good: [
      'select query from pg_stat_statements order by total_exec_time desc limit 10',
      'select query from pg_stat_statements where calls > 100 order by mean_exec_time desc limit 10',
    ],
  },
  'unknown-system-column': {
    bad: [
      'select schemaname, tablename, idx_scan from pg_stat_user_indexes',
      'select indexname from pg_stat_user_indexes',
      'select query, total_time from pg_stat_statements',
      'select s.tablename from pg_stat_user_tables s join pg_class c on c.oid = s.relid',
      { text: 'select last_idx_scan from pg_stat_user_indexes', version: 15 },
      { text: 'select num_timed from pg_stat_checkpointer', version: 16 },
      { text: 'select blk_read_time from pg_stat_statements', version: 17 },
      {
        text: 'const rows = await client.query(`select query, mean_time from pg_stat_statements where mean_time > 100`)',
        as: 'ts',
      },
    ],
    good: [
      'select schemaname, relname, indexrelname, idx_scan from pg_stat_user_indexes',
      'select tablename, indexname from pg_indexes',
      { text: 'select last_idx_scan from pg_stat_user_indexes', version: 16 },
      { text: 'select blk_read_time from pg_stat_statements', version: 16 },
      'select c.relname, s.anything from pg_class c join mine s on s.oid = c.oid',
      'select (select count(*) from mine where mine.name = relname) from pg_class',
    ],
  },
}
