-- delivery.next_agent_session_states(status): the statuses that an agent session may go to; the one place that says so.
create or replace function delivery.next_agent_session_states(p_status text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case p_status
    when 'active' then array['idle', 'paused', 'completed', 'failed', 'expired', 'terminated']
    when 'idle' then array['active', 'busy', 'paused', 'completed', 'failed', 'expired', 'terminated']
    when 'busy' then array['idle', 'paused', 'completed', 'failed', 'expired', 'terminated']
    when 'paused' then array['active', 'idle', 'busy', 'completed', 'failed', 'expired', 'terminated']
    else '{}'::text[]
  end
$$;
comment on function delivery.next_agent_session_states(text) is 'The statuses that an agent session may go to.';
revoke all on function delivery.next_agent_session_states(text) from public;
grant execute on function delivery.next_agent_session_states(text) to pgfleet_app;
