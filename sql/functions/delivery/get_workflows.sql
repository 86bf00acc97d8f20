-- delivery.get_workflows(tenant, lookups): how workflows stand, with their tasks; nothing is returned for one that
-- is not there. lookups: a jsonb array of {id uuid}. A pending task whose job is leased is shown as running.
create or replace function delivery.get_workflows(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, workflow jsonb, tasks json)
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
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, to_jsonb(w) || (to_jsonb(d) - '{search,created_with}'::text[]),
    (
      select coalesce(json_agg(json_build_object('number', t.task_number, 'name', t.name, 'type', t.task_type,
        'status', case when t.status = 'pending' and j.lease is not null then 'running' else t.status end,
        'dependencies', t.dependencies, 'optional', t.is_optional, 'critical', t.is_critical, 'max_retries', t.max_retries,
        'retry_delay_ms', t.retry_delay_ms, 'delay_ms', t.delay_ms, 'timeout_ms', t.timeout_ms, 'payload', t.payload,
        'attempt', coalesce(j.attempt, t.attempt), 'worker', coalesce(j.worker, t.worker), 'result', t.result, 'error', t.error,
        'started_at', coalesce(j.leased_at, t.started_at), 'ended_at', t.ended_at, 'available_at', j.available_at) order by t.task_number), '[]')
      from delivery.workflow_tasks t
      left join lateral (
        select * from delivery.jobs r
        where r.tenant_id = p_tenant and r.workflow_id = t.workflow_id and r.task_number = t.task_number
        limit 1
      ) j on true
      where t.tenant_id = p_tenant and t.workflow_id = x.id
    )
  from rows from (jsonb_to_recordset(p_lookups) as (id uuid)) with ordinality as x
  cross join lateral (select * from delivery.workflows r where r.tenant_id = p_tenant and r.workflow_id = x.id limit 1) w
  cross join lateral (select * from delivery.workflow_details r where r.tenant_id = p_tenant and r.workflow_id = x.id limit 1) d;
end
$$;
comment on function delivery.get_workflows(text, jsonb) is 'How many workflows stand, with their tasks.';
revoke all on function delivery.get_workflows(text, jsonb) from public;
grant execute on function delivery.get_workflows(text, jsonb) to pgfleet_app;
