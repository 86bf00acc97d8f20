-- delivery.next_workflow_statuses(status): the statuses that a workflow may go to from this one; the one place that says so.
create or replace function delivery.next_workflow_statuses(p_status text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case p_status
    when 'pending' then array['running', 'cancelled']
    when 'running' then array['paused', 'completed', 'failed', 'cancelled', 'timeout']
    when 'paused' then array['running', 'cancelled', 'timeout']
    else array[]::text[]
  end
$$;
comment on function delivery.next_workflow_statuses(text) is 'The statuses that a workflow may go to from this one.';
revoke all on function delivery.next_workflow_statuses(text) from public;
grant execute on function delivery.next_workflow_statuses(text) to pgfleet_app;
