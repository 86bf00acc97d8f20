import { TABLE_METRICS } from '../metrics/tables.js'
import type { Source } from './source.js'

const { table_size_bytes: _, index_size_bytes: __, ...statistics } = TABLE_METRICS.statistics

/** Tables by what happens in them: the busiest, and the rest as one. */
export const tables: Source = {
  id: 'tables',
  title: 'reads, writes and vacuums by table',
  groups: [statistics],
  isRanked: true,
  sql: `
    with counted as materialized (
      select s.*, coalesce(s.n_tup_ins, 0) + coalesce(s.n_tup_upd, 0) + coalesce(s.n_tup_del, 0) + coalesce(s.seq_tup_read, 0)
        + coalesce(s.idx_tup_fetch, 0) as activity
      from pg_stat_user_tables s
    ),
    ranked as (
      select c.*, row_number() over (order by c.activity desc, c.relid) as place from counted c
    )
    select r.relid::text as key, r.place <= $1::int as is_top, current_database() as datname, r.schemaname, r.relname,
      r.seq_scan, r.seq_tup_read, r.idx_scan, r.idx_tup_fetch, r.n_tup_ins, r.n_tup_upd, r.n_tup_del, r.n_tup_hot_upd, r.n_live_tup, r.n_dead_tup,
      r.n_mod_since_analyze, extract(epoch from coalesce(r.last_vacuum, 'epoch'))::float8 as last_vacuum,
      extract(epoch from coalesce(r.last_autovacuum, 'epoch'))::float8 as last_autovacuum,
      extract(epoch from coalesce(r.last_analyze, 'epoch'))::float8 as last_analyze,
      extract(epoch from coalesce(r.last_autoanalyze, 'epoch'))::float8 as last_autoanalyze,
      r.vacuum_count, r.autovacuum_count, r.analyze_count, r.autoanalyze_count
    from ranked r where r.place <= $1::int or r.relid::text = any ($2::text[])
    union all
    select null, false, current_database(), null, null,
      sum(c.seq_scan), sum(c.seq_tup_read), sum(c.idx_scan), sum(c.idx_tup_fetch), sum(c.n_tup_ins), sum(c.n_tup_upd), sum(c.n_tup_del),
      sum(c.n_tup_hot_upd), sum(c.n_live_tup), sum(c.n_dead_tup), sum(c.n_mod_since_analyze), null, null, null, null,
      sum(c.vacuum_count), sum(c.autovacuum_count), sum(c.analyze_count), sum(c.autoanalyze_count)
    from counted c`,
}
