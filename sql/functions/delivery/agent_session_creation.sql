-- delivery.agent_session_creation(session): what its entry in the audit tells as changed of the session's creation, without secrets.
create or replace function delivery.agent_session_creation(p_session delivery.agent_sessions) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_with jsonb := delivery.created_with(p_session);
begin
  return jsonb_strip_nulls(
      jsonb_build_object('agent_name', p_session.agent_name, 'agent_type', p_session.agent_type, 'agent_version', p_session.agent_version,
        'parent_id', p_session.parent_id, 'workflow_id', p_session.workflow_id, 'task', p_session.task)
      || (v_with - array['data', 'context', 'metadata'])
    ) || delivery.redact(jsonb_build_object('data', v_with -> 'data', 'context', v_with -> 'context', 'metadata', v_with -> 'metadata'));
end
$$;
comment on function delivery.agent_session_creation(delivery.agent_sessions) is 'What the audit tells of an agent session''s creation.';
revoke all on function delivery.agent_session_creation(delivery.agent_sessions) from public;
grant execute on function delivery.agent_session_creation(delivery.agent_sessions) to pgfleet_app;
