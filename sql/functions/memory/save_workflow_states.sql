-- memory.save_workflow_states(tenant, items): saves workflow states; a new one is pending, an old one keeps its status.
-- items: a jsonb array of objects
--   workflow_id text, state jsonb: required;  workflow_name text, current_step integer: unchanged when absent (new: 0)
--   expected bigint: save only when the state is at this version; 0: when there is none
-- returns one row an item: its version after it, null when it was not at the expected one; the status; and the version that
-- was found (0: none). Errors: PF001..PF003 (platform.enter).
create or replace function memory.save_workflow_states(p_tenant text, p_items jsonb)
returns table (ordinal integer, version bigint, status text, present bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_made bigint;
  v_part jsonb;
begin
  perform platform.enter(p_tenant);
  -- Locks what is there and makes what is missing, in the order of the keys; what stays at version 0 goes again.
  insert into memory.workflow_states as s (tenant_id, workflow_id, created_at, updated_at)
  select distinct p_tenant, x.workflow_id, v_now, v_now from jsonb_to_recordset(p_items) as x(workflow_id text collate "C")
  order by x.workflow_id
  on conflict (tenant_id, workflow_id) do update set version = s.version where false;
  get diagnostics v_made = row_count;
  foreach v_part in array memory.parts_of(p_items, 'workflow_id') loop
    return query
    with item as materialized (
      select coalesce(x.ordinal, x.ordinality)::integer as ordinal, x.workflow_id, x.workflow_name, x.current_step, x.state, x.expected,
        s.version as present, s.status
      from rows from (
        jsonb_to_recordset(v_part) as (ordinal bigint, workflow_id text collate "C", workflow_name text, current_step integer, state jsonb, expected bigint)
      ) with ordinality as x
      join memory.workflow_states s on s.tenant_id = p_tenant and s.workflow_id = x.workflow_id
    ),
    saved as (
      update memory.workflow_states s
      set version = s.version + 1, updated_at = v_now, workflow_name = coalesce(i.workflow_name, s.workflow_name),
        current_step = coalesce(i.current_step, s.current_step), state = coalesce(i.state, 'null'::jsonb)
      from item i
      where s.tenant_id = p_tenant and s.workflow_id = i.workflow_id and coalesce(i.expected, i.present) = i.present
      returning s.workflow_id, s.version
    )
    select i.ordinal, s.version, i.status, i.present
    from item i
    left join saved s on s.workflow_id = i.workflow_id;
  end loop;
  if v_made > 0 then
    delete from memory.workflow_states s
    using (select distinct x.workflow_id from jsonb_to_recordset(p_items) as x(workflow_id text collate "C")) k
    where s.tenant_id = p_tenant and s.workflow_id = k.workflow_id and s.version = 0;
  end if;
end
$$;
comment on function memory.save_workflow_states(text, jsonb) is 'Saves many workflow states, with compare-and-set by version.';
revoke all on function memory.save_workflow_states(text, jsonb) from public;
grant execute on function memory.save_workflow_states(text, jsonb) to pgfleet_app;
