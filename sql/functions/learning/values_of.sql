-- learning.values_of(tenant, lookups): all known action values of each state, best first; an empty array for a state that
-- the agent type does not know. lookups: a jsonb array of {agent_type text, state_hash uuid}.
create or replace function learning.values_of(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, action_values jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, coalesce(known.list, '[]'::jsonb)
  from rows from (jsonb_to_recordset(p_lookups) as (agent_type text, state_hash uuid)) with ordinality as x
  cross join lateral (
    select jsonb_agg(jsonb_build_object('action', n.action, 'q', n.value, 'visits', n.visits) order by n.value desc, n.action_hash) as list
    from (
      select v.action, v.action_hash, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits
      from learning.q_values v
      where v.tenant_id = p_tenant and v.state_hash = x.state_hash and v.agent_type = x.agent_type
        and v.expires_at > statement_timestamp()
      offset 0
    ) n
  ) known;
end
$$;
comment on function learning.values_of(text, jsonb) is 'All known action values of each of many states.';
revoke all on function learning.values_of(text, jsonb) from public;
grant execute on function learning.values_of(text, jsonb) to pgfleet_app;
