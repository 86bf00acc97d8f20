-- learning.get_best_action(tenant, agent type, state hash): the best known action of one state, through learning.best;
-- no row when none is known. Confidence grows with visits as 0.5 + 0.01 a visit after the first, up to 1.
create or replace function learning.get_best_action(p_tenant text, p_agent_type text, p_state_hash uuid)
returns table (action jsonb, q double precision, visits bigint, confidence double precision)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select b.action, b.q, b.visits, least(1, 0.5 + 0.01 * (b.visits - 1))::double precision
  from learning.best(p_tenant, jsonb_build_array(jsonb_build_object('agent_type', p_agent_type, 'state_hash', p_state_hash))) b;
end
$$;
comment on function learning.get_best_action(text, text, uuid) is 'The best known action of one state; a thin wrapper over learning.best.';
revoke all on function learning.get_best_action(text, text, uuid) from public;
grant execute on function learning.get_best_action(text, text, uuid) to pgfleet_app;
