-- delivery.next_pull_request_states(status): the statuses that a pull request may go to; the one place that says so.
create or replace function delivery.next_pull_request_states(p_status text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case p_status
    when 'draft' then array['open']
    when 'open' then array['draft', 'merged', 'closed']
    when 'closed' then array['open']
    else '{}'::text[]
  end
$$;
comment on function delivery.next_pull_request_states(text) is 'The statuses that a pull request may go to.';
revoke all on function delivery.next_pull_request_states(text) from public;
grant execute on function delivery.next_pull_request_states(text) to pgfleet_app;
