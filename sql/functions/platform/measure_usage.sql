-- platform.measure_usage(tenant): counts what the tenant holds of each limited resource, and remembers it for
-- platform.check_quota. Reads all of the tenant's keys: for a schedule, not for a request.
create or replace function platform.measure_usage(p_tenant text)
returns table (resource text, row_count bigint, measured_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
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
  ) c
  order by c.resource
  on conflict (tenant_id, resource) do update set row_count = excluded.row_count, measured_at = excluded.measured_at
  returning u.resource, u.row_count, u.measured_at;
end
$$;
comment on function platform.measure_usage(text) is 'Counts a tenant''s rows by resource and remembers them for quotas.';
revoke all on function platform.measure_usage(text) from public;
grant execute on function platform.measure_usage(text) to pgfleet_app;
