-- delivery.database_health_check(): how the database is, one row a check: connections, statements that run for more than 30 seconds,
-- size, share of reads from memory, age of the oldest transaction (which holds up rollups and seals), and what the tenant
-- that is entered recorded in the last 24 hours. status: ok, warning, or unknown where the role may not see it.
-- Reads statistics, and a day of the tenant's rows.
create or replace function delivery.database_health_check()
returns table (check_name text, status text, value double precision, threshold double precision, unit text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- Who may not read all statistics sees others' sessions without their statements.
  v_sees_all boolean := pg_has_role(current_user, 'pg_read_all_stats', 'usage');
begin
  return query
  with measured (place, check_name, value, threshold, unit, is_bad) as (
    select 1, 'connections', sum(d.numbackends)::double precision, 0.8 * current_setting('max_connections')::double precision, 'connections',
      sum(d.numbackends) >= 0.8 * current_setting('max_connections')::double precision
    from pg_stat_database d
    union all
    select 2, 'statements_over_30s', count(*)::double precision, 0, 'statements', count(*) > 0
    from pg_stat_activity a
    where a.datname = current_database() and a.state = 'active' and a.backend_type = 'client backend'
      and a.query_start < clock_timestamp() - interval '30 seconds' and v_sees_all
    union all
    select 3, 'oldest_transaction', coalesce(max(extract(epoch from clock_timestamp() - a.xact_start)), 0)::double precision, 300, 'seconds',
      max(extract(epoch from clock_timestamp() - a.xact_start)) > 300
    from pg_stat_activity a
    where a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and v_sees_all
    union all
    select 4, 'reads_from_memory', d.blks_hit / nullif(d.blks_hit + d.blks_read, 0)::double precision, 0.99, 'share',
      d.blks_hit / nullif(d.blks_hit + d.blks_read, 0)::double precision < 0.99
    from pg_stat_database d
    where d.datname = current_database()
    union all
    select 5, 'database_size', pg_database_size(current_database())::double precision, null, 'bytes', false
    union all
    select 6, 'workflows_24h', count(*)::double precision, null, 'rows', false
    from delivery.workflows w where w.created_at > now() - interval '24 hours'
    union all
    select 7, 'agent_sessions_24h', count(*)::double precision, null, 'rows', false
    from delivery.agent_sessions s where s.started_at > now() - interval '24 hours'
    union all
    select 8, 'pull_requests_24h', count(*)::double precision, null, 'rows', false
    from delivery.pull_requests p where p.opened_at > now() - interval '24 hours'
    union all
    select 9, 'metrics_24h', count(*)::double precision, null, 'rows', false
    from delivery.metrics m where m.metric_id >= platform.uuid_floor(now() - interval '24 hours')
    union all
    select 10, 'audit_entries_24h', coalesce(sum(1 + coalesce(cardinality(a.more_entity_ids), 0)), 0)::double precision, null, 'rows', false
    from delivery.audit_log a where a.audit_id >= platform.uuid_floor(now() - interval '24 hours')
  )
  select m.check_name,
    case
      when m.place in (2, 3) and not v_sees_all or m.value is null then 'unknown'
      when m.is_bad then 'warning'
      else 'ok'
    end,
    case when m.place in (2, 3) and not v_sees_all then null else m.value end, m.threshold, m.unit
  from measured m
  order by m.place;
end
$$;
comment on function delivery.database_health_check() is 'How the database is, one row a check.';
revoke all on function delivery.database_health_check() from public;
grant execute on function delivery.database_health_check() to pgfleet_app, pgfleet_monitor;
