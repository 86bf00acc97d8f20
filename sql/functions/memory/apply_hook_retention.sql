-- memory.apply_hook_retention(tenant, days, extra days, priority from, least, most, rows): removes the hook executions of
-- a tenant that a policy does not keep, at most so many rows, the oldest first; returns how many. Repeat until it is
-- fewer. A policy keeps, of each hook: the newest `least` always; what is younger than `days`, or than days + extra days
-- from that priority on; of these at most `most`, those of that priority before others, then the newest.
-- Reads an index entry for each of the tenant's executions.
create or replace function memory.apply_hook_retention(
  p_tenant text, p_days integer, p_extra_days integer, p_priority_from integer, p_least integer, p_most integer, p_rows_max integer
) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_floor uuid := platform.uuid_floor(statement_timestamp() - make_interval(days => p_days));
  v_floor_extra uuid := platform.uuid_floor(statement_timestamp() - make_interval(days => p_days + p_extra_days));
  v_deleted bigint;
begin
  perform platform.enter(p_tenant);
  with ranked as (
    select e.execution_id, e.priority,
      row_number() over (partition by e.hook_id order by e.execution_id desc) as newest,
      row_number() over (partition by e.hook_id order by e.priority >= p_priority_from desc, e.execution_id desc) as place
    from memory.hook_executions e
    where e.tenant_id = p_tenant
  ),
  gone as (
    select r.execution_id from ranked r
    where r.newest > p_least
      and (r.place > p_most or r.execution_id < case when r.priority >= p_priority_from then v_floor_extra else v_floor end)
    order by r.execution_id
    limit p_rows_max
  )
  delete from memory.hook_executions e using gone g where e.tenant_id = p_tenant and e.execution_id = g.execution_id;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function memory.apply_hook_retention(text, integer, integer, integer, integer, integer, integer) is 'Removes hook executions that a retention policy does not keep, in bounded steps.';
revoke all on function memory.apply_hook_retention(text, integer, integer, integer, integer, integer, integer) from public;
grant execute on function memory.apply_hook_retention(text, integer, integer, integer, integer, integer, integer) to pgfleet_app;
