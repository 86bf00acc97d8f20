-- learning.refresh_materialized_views(tenant): brings the tenant's summaries up to date. Each source is aggregated by
-- itself and joined by key afterwards, so that no row is counted twice. Readers are never blocked: they see the summary
-- of before until the commit. The summaries are tables, because a materialised view can have no row-level security.
create or replace function learning.refresh_materialized_views(p_tenant text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := statement_timestamp();
begin
  perform platform.enter(p_tenant);
  insert into learning.agent_performance as p
    (tenant_id, agent_type, sessions, trajectories, successes, average_reward, cumulative_reward, average_execution_ms,
     patterns, q_values, average_visits, active_instances, last_active_at, refreshed_at)
  select p_tenant, t.agent_type, coalesce(s.n, 0), coalesce(j.n, 0), coalesce(j.successes, 0), j.average_reward,
    coalesce(j.cumulative_reward, 0), j.average_execution_ms, coalesce(n.n, 0), coalesce(v.n, 0), v.average_visits,
    coalesce(a.n, 0), greatest(j.last_at, a.last_at, v.last_at), v_now
  from learning.agent_types t
  left join (select agent_type, count(*) as n from learning.sessions where tenant_id = p_tenant and expires_at > v_now group by agent_type) s
    on s.agent_type = t.agent_type
  left join (
    select agent_type, count(*) as n, count(*) filter (where succeeded) as successes, avg(total_reward) as average_reward,
      sum(total_reward) as cumulative_reward, avg(execution_ms) as average_execution_ms, max(completed_at) as last_at
    from learning.trajectories where tenant_id = p_tenant group by agent_type
  ) j on j.agent_type = t.agent_type
  left join (select agent_type, count(*) as n from learning.patterns where tenant_id = p_tenant and expires_at > v_now group by agent_type) n
    on n.agent_type = t.agent_type
  left join (
    select agent_type, count(*) as n, avg(visits)::double precision as average_visits, max(updated_at) as last_at
    from learning.q_values where tenant_id = p_tenant and expires_at > v_now group by agent_type
  ) v on v.agent_type = t.agent_type
  left join (
    select agent_type, count(*) filter (where status in ('active', 'learning')) as n, max(last_activity_at) as last_at
    from learning.agent_states where tenant_id = p_tenant and expires_at > v_now group by agent_type
  ) a on a.agent_type = t.agent_type
  where t.tenant_id = p_tenant
  order by t.agent_type
  on conflict (tenant_id, agent_type) do update
  set sessions = excluded.sessions, trajectories = excluded.trajectories, successes = excluded.successes,
    average_reward = excluded.average_reward, cumulative_reward = excluded.cumulative_reward,
    average_execution_ms = excluded.average_execution_ms, patterns = excluded.patterns, q_values = excluded.q_values,
    average_visits = excluded.average_visits, active_instances = excluded.active_instances,
    last_active_at = excluded.last_active_at, refreshed_at = excluded.refreshed_at;
  delete from learning.agent_performance p
  where p.tenant_id = p_tenant
    and not exists (select from learning.agent_types t where t.tenant_id = p_tenant and t.agent_type = p.agent_type);

  insert into learning.pattern_outcomes as o (tenant_id, pattern_id, trajectories_using_pattern, refreshed_at)
  select p_tenant, p.pattern_id, coalesce(u.n, 0), v_now
  from learning.patterns p
  left join (
    select used.pattern_id, count(*) as n
    from learning.trajectories j
    cross join lateral (select distinct unnest(j.pattern_ids) as pattern_id) used
    where j.tenant_id = p_tenant
    group by used.pattern_id
  ) u on u.pattern_id = p.pattern_id
  where p.tenant_id = p_tenant and p.expires_at > v_now
  order by p.pattern_id
  on conflict (tenant_id, pattern_id) do update
  set trajectories_using_pattern = excluded.trajectories_using_pattern, refreshed_at = excluded.refreshed_at;
  delete from learning.pattern_outcomes o
  where o.tenant_id = p_tenant
    and not exists (
      select from learning.patterns p where p.tenant_id = p_tenant and p.pattern_id = o.pattern_id and p.expires_at > v_now
    );
end
$$;
comment on function learning.refresh_materialized_views(text) is 'Brings a tenant''s summaries up to date without blocking readers.';
revoke all on function learning.refresh_materialized_views(text) from public;
grant execute on function learning.refresh_materialized_views(text) to pgfleet_app;
