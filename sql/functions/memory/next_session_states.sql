-- memory.next_session_states(state): the states that a session may go to from this one; the one place that says so.
-- A session expires by time alone, and an archived or expired one stays as it is.
create or replace function memory.next_session_states(p_state text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case p_state
    when 'active' then array['suspended', 'completed', 'failed']
    when 'suspended' then array['active', 'completed', 'failed']
    when 'completed' then array['archived']
    when 'failed' then array['archived']
    else array[]::text[]
  end
$$;
comment on function memory.next_session_states(text) is 'The states that a session may go to from this one.';
revoke all on function memory.next_session_states(text) from public;
grant execute on function memory.next_session_states(text) to pgfleet_app;
