-- delivery.get_agent_sessions(tenant, lookups): the agent sessions of these ids; nothing is returned for one that is not
-- there. lookups: a jsonb array of {id uuid}.
create or replace function delivery.get_agent_sessions(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, session_id uuid, agent_name text, agent_type text, agent_version text, status text, version bigint,
  parent_id uuid, workflow_id uuid, task text, data jsonb, context jsonb, metadata jsonb, token_budget bigint, cost_budget numeric,
  request_budget bigint, request_count bigint, success_count bigint, tokens_used bigint, cost_usd numeric, duration_us_sum numeric,
  duration_us_min bigint, duration_us_max bigint, started_at timestamptz, last_activity_at timestamptz, live_until timestamptz,
  ended_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, s.session_id, s.agent_name, s.agent_type, s.agent_version, s.status, s.version,
    s.parent_id, s.workflow_id, s.task, s.data, s.context, s.metadata, s.token_budget, s.cost_budget,
    s.request_budget, s.request_count, s.success_count, s.tokens_used, s.cost_usd, s.duration_us_sum,
    s.duration_us_min, s.duration_us_max, s.started_at, s.last_activity_at, s.live_until, s.ended_at
  from rows from (jsonb_to_recordset(p_lookups) as (id uuid)) with ordinality as x
  cross join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s;
end
$$;
comment on function delivery.get_agent_sessions(text, jsonb) is 'The agent sessions of many ids.';
revoke all on function delivery.get_agent_sessions(text, jsonb) from public;
grant execute on function delivery.get_agent_sessions(text, jsonb) to pgfleet_app;
