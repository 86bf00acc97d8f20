import { TABLE_METRICS } from '../metrics/tables.js'
import type { Source } from './source.js'

const { table_size_bytes: _, index_size_bytes: __, ...statistics } = TABLE_METRICS.statistics

/**
 * Tables by what happens in them: the busiest, and the rest as one. These are the figures of pg_stat_user_tables, without working
 * out for every table what is told of the busiest alone.
 */
export const tables: Source = {
  id: 'tables',
  title: 'reads, writes and vacuums by table',
  groups: [statistics],
  isRanked: true,
  sql: `
    with indexes as (
      select i.indrelid, sum(pg_stat_get_numscans(i.indexrelid)::float8) as scans, sum(pg_stat_get_tuples_fetched(i.indexrelid)::float8) as fetched
      from pg_index i
      group by 1
    ),
    counted as materialized (
      select c.oid as relid, n.nspname as schemaname, c.relname, pg_stat_get_numscans(c.oid)::float8 as seq_scan,
        pg_stat_get_tuples_returned(c.oid)::float8 as seq_tup_read, i.scans as idx_scan, i.fetched + pg_stat_get_tuples_fetched(c.oid) as idx_tup_fetch,
        pg_stat_get_tuples_inserted(c.oid)::float8 as n_tup_ins, pg_stat_get_tuples_updated(c.oid)::float8 as n_tup_upd,
        pg_stat_get_tuples_deleted(c.oid)::float8 as n_tup_del, pg_stat_get_tuples_hot_updated(c.oid)::float8 as n_tup_hot_upd,
        pg_stat_get_live_tuples(c.oid)::float8 as n_live_tup, pg_stat_get_dead_tuples(c.oid)::float8 as n_dead_tup,
        pg_stat_get_mod_since_analyze(c.oid)::float8 as n_mod_since_analyze, pg_stat_get_vacuum_count(c.oid)::float8 as vacuum_count,
        pg_stat_get_autovacuum_count(c.oid)::float8 as autovacuum_count, pg_stat_get_analyze_count(c.oid)::float8 as analyze_count,
        pg_stat_get_autoanalyze_count(c.oid)::float8 as autoanalyze_count
      from pg_class c join pg_namespace n on n.oid = c.relnamespace left join indexes i on i.indrelid = c.oid
      where c.relkind in ('r', 'm', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_toast%'
    ),
    top as (
      select c.*, true as is_top from counted c
      order by c.n_tup_ins + c.n_tup_upd + c.n_tup_del + c.seq_tup_read + coalesce(c.idx_tup_fetch, 0) desc, c.relid
      limit $1::int
    ),
    told as (
      select * from top
      union all
      select c.*, false from counted c
      where c.relid in (select k::oid from unnest($2::text[]) k) and c.relid not in (select t.relid from top t)
    )
    select t.relid::text as key, t.is_top, current_database() as datname, t.schemaname, t.relname,
      t.seq_scan, t.seq_tup_read, t.idx_scan, t.idx_tup_fetch, t.n_tup_ins, t.n_tup_upd, t.n_tup_del, t.n_tup_hot_upd, t.n_live_tup, t.n_dead_tup,
      t.n_mod_since_analyze, extract(epoch from coalesce(pg_stat_get_last_vacuum_time(t.relid), 'epoch'))::float8 as last_vacuum,
      extract(epoch from coalesce(pg_stat_get_last_autovacuum_time(t.relid), 'epoch'))::float8 as last_autovacuum,
      extract(epoch from coalesce(pg_stat_get_last_analyze_time(t.relid), 'epoch'))::float8 as last_analyze,
      extract(epoch from coalesce(pg_stat_get_last_autoanalyze_time(t.relid), 'epoch'))::float8 as last_autoanalyze,
      t.vacuum_count, t.autovacuum_count, t.analyze_count, t.autoanalyze_count
    from told t
    union all
    select null, false, current_database(), null, null,
      sum(c.seq_scan), sum(c.seq_tup_read), sum(c.idx_scan), sum(c.idx_tup_fetch), sum(c.n_tup_ins), sum(c.n_tup_upd), sum(c.n_tup_del),
      sum(c.n_tup_hot_upd), sum(c.n_live_tup), sum(c.n_dead_tup), sum(c.n_mod_since_analyze), null, null, null, null,
      sum(c.vacuum_count), sum(c.autovacuum_count), sum(c.analyze_count), sum(c.autoanalyze_count)
    from counted c`,
}
