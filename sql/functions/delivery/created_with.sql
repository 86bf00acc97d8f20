-- delivery.created_with(session): what the session was created with, of all that can change since: as the trigger of the table has kept
-- it, or as it still is. Text of times does not hang on a setting: it is sealed.
create or replace function delivery.created_with(p_session delivery.agent_sessions) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(p_session.created_with, jsonb_build_object('data', p_session.data, 'context', p_session.context, 'metadata', p_session.metadata,
    'token_budget', p_session.token_budget, 'cost_budget', p_session.cost_budget, 'request_budget', p_session.request_budget,
    'live_until', to_char(p_session.live_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
end
$$;
comment on function delivery.created_with(delivery.agent_sessions) is 'What an agent session was created with.';
revoke all on function delivery.created_with(delivery.agent_sessions) from public;
grant execute on function delivery.created_with(delivery.agent_sessions) to pgfleet_app;
