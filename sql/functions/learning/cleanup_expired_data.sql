-- learning.cleanup_expired_data(tenant, most rows): removes the tenant's expired rows, at most so many of each table, so
-- that a transaction stays short: repeat until every count is below the limit. Rows that others hold are left for the
-- next time. Trajectories, rewards and experience ids retire with their partitions (platform.drop_expired_partitions).
create or replace function learning.cleanup_expired_data(p_tenant text, p_rows_max integer default 10000)
returns table (table_name text, deleted bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
begin
  perform platform.enter(p_tenant);
  table_name := 'q_values';
  with gone as (
    select v.ctid as place from learning.q_values v
    where v.tenant_id = p_tenant and v.expires_at <= v_now
    limit p_rows_max for update skip locked
  )
  delete from learning.q_values v using gone g where v.ctid = g.place and v.tenant_id = p_tenant;
  get diagnostics deleted = row_count;
  return next;
  table_name := 'patterns';
  with gone as (
    select p.pattern_id from learning.patterns p
    where p.tenant_id = p_tenant and p.expires_at <= v_now
    limit p_rows_max for update skip locked
  )
  delete from learning.patterns p using gone g where p.tenant_id = p_tenant and p.pattern_id = g.pattern_id;
  get diagnostics deleted = row_count;
  return next;
  table_name := 'agent_states';
  with gone as (
    select a.agent_type, a.agent_instance_id from learning.agent_states a
    where a.tenant_id = p_tenant and a.expires_at <= v_now
    limit p_rows_max for update skip locked
  )
  delete from learning.agent_states a using gone g
  where a.tenant_id = p_tenant and a.agent_type = g.agent_type and a.agent_instance_id = g.agent_instance_id;
  get diagnostics deleted = row_count;
  return next;
  table_name := 'sessions';
  with gone as (
    select s.session_id from learning.sessions s
    where s.tenant_id = p_tenant and s.expires_at <= v_now
    limit p_rows_max for update skip locked
  )
  delete from learning.sessions s using gone g where s.tenant_id = p_tenant and s.session_id = g.session_id;
  get diagnostics deleted = row_count;
  return next;
end
$$;
comment on function learning.cleanup_expired_data(text, integer) is 'Removes a tenant''s expired rows in bounded steps.';
revoke all on function learning.cleanup_expired_data(text, integer) from public;
grant execute on function learning.cleanup_expired_data(text, integer) to pgfleet_app;
