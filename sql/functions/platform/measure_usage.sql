-- platform.measure_usage(tenant): counts what the tenant holds of each limited resource, and remembers it for
-- platform.check_quota. Reads all of the tenant's keys: for a schedule, not for a request. What may be many times as much, events
-- and the like, is counted only where it has a quota.
create or replace function platform.measure_usage(p_tenant text)
returns table (resource text, row_count bigint, measured_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_limited text[];
  v_dimensions integer;
  v_some bigint;
  v_vectors bigint := 0;
begin
  perform platform.enter(p_tenant);
  select array(select jsonb_object_keys(t.quotas)) into v_limited from platform.tenants t where t.tenant_id = p_tenant;
  if 'vectors' = any (v_limited) then
    for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
      execute format('select count(*) from memory.vectors_%s v where v.tenant_id = $1', v_dimensions) into v_some using p_tenant;
      v_vectors := v_vectors + v_some;
    end loop;
  end if;
  return query
  insert into platform.tenant_usage as u (tenant_id, resource, row_count, measured_at)
  select p_tenant, c.resource, c.row_count, statement_timestamp()
  from (
    select 'artifact_bytes' as resource, coalesce(sum(stored_bytes), 0)::bigint as row_count from memory.artifact_contents where tenant_id = p_tenant
    union all
    select 'artifacts', count(*) from memory.artifacts where tenant_id = p_tenant
    union all
    select 'patterns', count(*) from learning.patterns where tenant_id = p_tenant
    union all
    select 'q_values', count(*) from learning.q_values where tenant_id = p_tenant
    union all
    select 'sessions', count(*) from memory.sessions where tenant_id = p_tenant
    union all
    select 'trajectories', count(*) from learning.trajectories where tenant_id = p_tenant
    union all
    -- Where it is not limited nothing of it is read.
    select 'entities', count(*) from memory.entities where tenant_id = p_tenant and 'entities' = any (v_limited)
    union all
    select 'events', count(*) from memory.events where tenant_id = p_tenant and 'events' = any (v_limited)
    union all
    select 'hook_executions', count(*) from memory.hook_executions where tenant_id = p_tenant and 'hook_executions' = any (v_limited)
    union all
    select 'key_values', count(*) from memory.key_values where tenant_id = p_tenant and 'key_values' = any (v_limited)
    union all
    select 'vectors', v_vectors
    union all
    select 'workflows', count(*) from delivery.workflows where tenant_id = p_tenant and 'workflows' = any (v_limited)
  ) c
  where c.resource = any (v_limited)
    or c.resource not in ('entities', 'events', 'hook_executions', 'key_values', 'vectors', 'workflows')
  order by c.resource
  on conflict (tenant_id, resource) do update set row_count = excluded.row_count, measured_at = excluded.measured_at
  returning u.resource, u.row_count, u.measured_at;
end
$$;
comment on function platform.measure_usage(text) is 'Counts a tenant''s rows by resource and remembers them for quotas.';
revoke all on function platform.measure_usage(text) from public;
grant execute on function platform.measure_usage(text) to pgfleet_app;
