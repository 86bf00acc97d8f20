-- learning.upsert_q_value(tenant, ...): sets one action value, through learning.learn: a terminal experience whose reward
-- is the value, at rate 1. Counts as a visit and renews the expiry. Returns the value. For many, or for real learning,
-- call learning.learn.
create or replace function learning.upsert_q_value(
  p_tenant text,
  p_agent_type text,
  p_state_hash uuid,
  p_state jsonb,
  p_action_hash uuid,
  p_action jsonb,
  p_q double precision,
  p_session_id uuid default null
) returns double precision
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform platform.enter(p_tenant);
  -- The value that counts is the mean of both estimates of double Q-learning: the one that is set replaces them.
  update learning.q_values v
  set q_b = null
  where v.tenant_id = p_tenant and v.state_hash = p_state_hash and v.agent_type = p_agent_type and v.action_hash = p_action_hash
    and v.q_b is not null;
  return (
    select l.q
    from learning.learn(p_tenant, jsonb_build_array(jsonb_build_object(
      'agent_type', p_agent_type, 'state_hash', p_state_hash, 'state', p_state, 'action_hash', p_action_hash,
      'action', p_action, 'reward', p_q, 'terminal', true, 'learning_rate', 1, 'session_id', p_session_id))) l
  );
end
$$;
comment on function learning.upsert_q_value(text, text, uuid, jsonb, uuid, jsonb, double precision, uuid) is 'Sets one action value; a thin wrapper over learning.learn.';
revoke all on function learning.upsert_q_value(text, text, uuid, jsonb, uuid, jsonb, double precision, uuid) from public;
grant execute on function learning.upsert_q_value(text, text, uuid, jsonb, uuid, jsonb, double precision, uuid) to pgfleet_app;
