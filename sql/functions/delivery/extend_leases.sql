-- delivery.extend_leases(tenant, leases): makes leases last longer, from now, never beyond the time-out of the attempt, and
-- returns when they end now. leases: a jsonb array of {workflow_id uuid, task_number integer, lease uuid, lease_ms integer}.
-- Not in the audit log: it changes no state of a task.
-- Errors: PF001..PF003 (platform.enter), PF072 the lease is no longer the job's.
create or replace function delivery.extend_leases(p_tenant text, p_leases jsonb)
returns table (ordinal integer, expires_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  -- As a limit: of one that it does not know the planner expects a tenth of the rows, and so goes from what it has at hand to the places of the rows
  -- that are changed. Where it takes a table for small it reads all rows of the tenant instead, and the plan stays when the table has grown.
  c_all constant bigint := 9223372036854775807;
  v_now timestamptz;
  v_lost record;
begin
  perform platform.enter(p_tenant);
  -- In one order with whoever else locks jobs.
  perform from (select distinct x.workflow_id, x.task_number from jsonb_to_recordset(p_leases) as x(workflow_id uuid, task_number integer) order by 1, 2) x
  cross join lateral (
    select from delivery.jobs j
    where j.tenant_id = p_tenant and j.workflow_id = x.workflow_id and j.task_number = x.task_number
    for update
  ) j;
  v_now := clock_timestamp();
  select x.ordinality, x.workflow_id, x.task_number into v_lost
  from rows from (jsonb_to_recordset(p_leases) as (workflow_id uuid, task_number integer, lease uuid)) with ordinality as x
  where not exists (
    select from delivery.jobs j
    where j.tenant_id = p_tenant and j.workflow_id = x.workflow_id and j.task_number = x.task_number and j.lease = x.lease
      and (j.timeout_at is null or j.timeout_at > v_now)
  )
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'the lease of task % of workflow % is lost', v_lost.task_number, v_lost.workflow_id
      using errcode = 'PF072', column = format('jobs[%s].lease', v_lost.ordinality - 1);
  end if;
  update delivery.jobs j
  set available_at = least(v_now + x.lease_ms * interval '1 millisecond', j.timeout_at)
  from (
    select p.place, x.lease_ms
    from (
      select i.workflow_id, i.task_number, max(i.lease_ms) as lease_ms
      from jsonb_to_recordset(p_leases) as i(workflow_id uuid, task_number integer, lease_ms integer)
      group by i.workflow_id, i.task_number
      limit c_all
    ) x
    cross join lateral (
      select r.ctid as place from delivery.jobs r
      where r.tenant_id = p_tenant and r.workflow_id = x.workflow_id and r.task_number = x.task_number
      limit 1
    ) p
    limit c_all
  ) x
  where j.ctid = x.place;
  return query
  select x.ordinality::integer, j.available_at
  from rows from (jsonb_to_recordset(p_leases) as (workflow_id uuid, task_number integer)) with ordinality as x
  cross join lateral (
    select * from delivery.jobs j
    where j.tenant_id = p_tenant and j.workflow_id = x.workflow_id and j.task_number = x.task_number
    limit 1
  ) j;
end
$$;
comment on function delivery.extend_leases(text, jsonb) is 'Makes leases of jobs last longer.';
revoke all on function delivery.extend_leases(text, jsonb) from public;
grant execute on function delivery.extend_leases(text, jsonb) to pgfleet_app;
