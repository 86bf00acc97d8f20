-- memory.get_agent_states(tenant, agents): agent states by agent. agents: a jsonb array of texts. returns one row for each
-- that has one; the checksum is hex. Errors: PF001..PF003 (platform.enter).
create or replace function memory.get_agent_states(p_tenant text, p_agents jsonb)
returns table (ordinal integer, agent_id text, agent_type text, version bigint, schema_version integer, state jsonb, checksum text,
  created_at timestamptz, updated_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  -- "is not distinct from": as in memory.get_values.
  return query
  select x.place::integer, a.*
  from jsonb_array_elements_text(p_agents) with ordinality as x(agent_id, place)
  cross join lateral (
    select s.agent_id, s.agent_type, s.version, s.schema_version, s.state, encode(s.checksum, 'hex'), s.created_at, s.updated_at
    from memory.agent_states s
    where s.tenant_id is not distinct from p_tenant and s.agent_id = x.agent_id
    offset 0
  ) a;
end
$$;
comment on function memory.get_agent_states(text, jsonb) is 'Many agent states by agent.';
revoke all on function memory.get_agent_states(text, jsonb) from public;
grant execute on function memory.get_agent_states(text, jsonb) to pgfleet_app;
