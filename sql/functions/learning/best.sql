-- learning.best(tenant, lookups): the best known action of each state, by value; nothing is returned for a state that
-- the agent type does not know. lookups: a jsonb array of {agent_type text, state_hash uuid}.
-- Ties go to the smaller action hash, so that equal values give equal answers.
create or replace function learning.best(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, action jsonb, q double precision, visits bigint)
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
  select x.ordinality::integer, b.action, b.value, b.visits
  from rows from (jsonb_to_recordset(p_lookups) as (agent_type text, state_hash uuid)) with ordinality as x
  cross join lateral (
    select v.action, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits
    from learning.q_values v
    where v.tenant_id is not distinct from p_tenant and v.state_hash = x.state_hash and v.agent_type = x.agent_type
      and v.expires_at > statement_timestamp()
    order by value desc, v.action_hash
    limit 1
  ) b;
end
$$;
comment on function learning.best(text, jsonb) is 'The best known action of each of many states.';
revoke all on function learning.best(text, jsonb) from public;
grant execute on function learning.best(text, jsonb) to pgfleet_app;
