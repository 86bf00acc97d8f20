import { TABLE_METRICS } from '../metrics/tables.js'
import type { Source } from './source.js'

/** What autovacuum has still to do, by the trigger that each table has. */
export const autovacuum: Source = {
  id: 'autovacuum',
  title: 'tables that wait for a vacuum',
  groups: [TABLE_METRICS.debt, TABLE_METRICS.queue, TABLE_METRICS.workers],
  isLimited: true,
  sql: `
    with settings as materialized (
      select current_setting('autovacuum_vacuum_threshold')::float8 as threshold, current_setting('autovacuum_vacuum_scale_factor')::float8 as scale,
        coalesce(nullif(current_setting('autovacuum_vacuum_max_threshold', true), '')::float8, -1) as max
    ),
    tables as materialized (
      select c.oid, n.nspname, c.relname, pg_stat_get_dead_tuples(c.oid) as dead, greatest(c.reltuples, 0) as rows, o.disabled,
        coalesce(o.threshold, s.threshold) + coalesce(o.scale, s.scale) * greatest(c.reltuples, 0) as plain, coalesce(o.max, s.max) as max,
        greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid), pg_postmaster_start_time()) as vacuumed_at
      from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join settings s
      left join lateral (
        select max(x.option_value::float8) filter (where x.option_name = 'autovacuum_vacuum_threshold') as threshold,
          max(x.option_value::float8) filter (where x.option_name = 'autovacuum_vacuum_scale_factor') as scale,
          max(x.option_value::float8) filter (where x.option_name = 'autovacuum_vacuum_max_threshold') as max,
          coalesce(bool_or(x.option_name = 'autovacuum_enabled' and not x.option_value::boolean), false) as disabled
        from pg_options_to_table(c.reloptions) x
        where x.option_name in ('autovacuum_vacuum_threshold', 'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_max_threshold', 'autovacuum_enabled')
      ) o on true
      where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
    ),
    debts as (
      select t.*, t.dead / greatest(case when t.max >= 0 then least(t.plain, t.max) else t.plain end, 1) as debt from tables t
    ),
    ranked as (
      select d.*, row_number() over (order by d.debt desc, d.oid) as place from debts d where not d.disabled
    )
    select current_database() as datname, r.nspname as schemaname, r.relname, r.debt as debt_ratio, r.dead::float8 as dead_tuples,
      null::bigint as tables_due, null::bigint as tables_overdue, null::bigint as tables_disabled, null::bigint as workers_busy, null::int as workers_limit
    from ranked r where r.place <= $1::int and r.dead > 0
    union all
    select current_database(), 'other', 'other', max(r.debt), sum(r.dead)::float8, null, null, null, null, null
    from ranked r where r.place > $1::int having count(*) > 0
    union all
    select current_database(), null, null, null, null, count(*) filter (where d.debt > 1 and not d.disabled),
      count(*) filter (where d.debt > 1 and not d.disabled and d.rows + d.dead >= 10000 and d.vacuumed_at < clock_timestamp() - interval '24 hours'
        and not exists (select from pg_stat_progress_vacuum p where p.relid = d.oid)),
      count(*) filter (where d.disabled), (select count(*) from pg_stat_progress_vacuum), current_setting('autovacuum_max_workers')::int
    from debts d`,
}
