-- memory.transition_workflows(tenant, items): moves workflows on: pending -> running | cancelled, running -> completed |
-- failed | cancelled, never back. items: a jsonb array of {workflow_id, status text, expected bigint (any version)}, applied
-- in order. returns one row an item: outcome (moved, unknown, conflict, illegal) and the workflow after it: status,
-- version, when it started and when it was completed. Errors: PF001..PF003 (platform.enter).
create or replace function memory.transition_workflows(p_tenant text, p_items jsonb)
returns table (ordinal integer, outcome text, status text, version bigint, started_at timestamptz, completed_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_item record;
begin
  perform platform.enter(p_tenant);
  -- Locked in the order of the keys, like everything that several batches may share.
  perform from memory.workflow_states s
  where s.tenant_id = p_tenant and s.workflow_id in (select x.workflow_id from jsonb_to_recordset(p_items) as x(workflow_id text collate "C"))
  order by s.workflow_id
  for update;
  for v_item in
    select x.ordinality, x.workflow_id, x.status, x.expected
    from rows from (jsonb_to_recordset(p_items) as (workflow_id text collate "C", status text, expected bigint)) with ordinality as x
    order by x.ordinality
  loop
    ordinal := v_item.ordinality;
    select s.status, s.version, s.started_at, s.completed_at into status, version, started_at, completed_at
    from memory.workflow_states s
    where s.tenant_id = p_tenant and s.workflow_id = v_item.workflow_id;
    if not found then
      outcome := 'unknown';
    elsif version <> v_item.expected then
      outcome := 'conflict';
    elsif not (
      (status = 'pending' and v_item.status in ('running', 'cancelled'))
      or (status = 'running' and v_item.status in ('completed', 'failed', 'cancelled'))
    ) then
      outcome := 'illegal';
    else
      outcome := 'moved';
      update memory.workflow_states s
      set status = v_item.status, version = s.version + 1, updated_at = v_now,
        started_at = case when v_item.status = 'running' then v_now else s.started_at end,
        completed_at = case when v_item.status <> 'running' then v_now end
      where s.tenant_id = p_tenant and s.workflow_id = v_item.workflow_id
      returning s.status, s.version, s.started_at, s.completed_at into status, version, started_at, completed_at;
    end if;
    return next;
  end loop;
end
$$;
comment on function memory.transition_workflows(text, jsonb) is 'Moves many workflows on; never back.';
revoke all on function memory.transition_workflows(text, jsonb) from public;
grant execute on function memory.transition_workflows(text, jsonb) to pgfleet_app;
