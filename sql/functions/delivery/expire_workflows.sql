-- delivery.expire_workflows(tenant, limit): times out workflows whose deadline has passed, and fails tasks whose last attempt
-- has lost its lease, at most `limit` of each; how many of both. Every claim calls it in passing, so it costs two looks into
-- indexes when there is nothing to do. It waits for nobody: a workflow that somebody else changes is left to the next call.
create or replace function delivery.expire_workflows(p_tenant text, p_limit integer default 100) returns integer
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
  c_system constant jsonb := '{"actor_type": "system", "actor_id": "pgfleet"}';
  v_now timestamptz := clock_timestamp();
  v_prefix text;
  v_ids uuid[];
  v_numbers integer[];
  v_count integer := 0;
begin
  perform platform.enter(p_tenant);
  select array_agg(w.workflow_id) into v_ids
  from (
    select w.workflow_id from delivery.workflows w
    where w.tenant_id = p_tenant and w.status in ('running', 'paused') and w.deadline_at is not null and w.deadline_at <= v_now
    order by w.deadline_at
    limit p_limit
    for no key update skip locked
  ) w;
  if v_ids is not null then
    v_prefix := delivery.audit_prefix();
    perform delivery.move_workflows(v_prefix, v_now, v_ids, array_fill('timeout'::text, array[cardinality(v_ids)]),
      array_fill('the deadline has passed'::text, array[cardinality(v_ids)]), array_fill(c_system, array[cardinality(v_ids)]));
    v_count := cardinality(v_ids);
  end if;
  select array_agg(distinct j.workflow_id) into v_ids
  from (
    select j.workflow_id from delivery.jobs j
    where j.tenant_id = p_tenant and j.attempts_left = 0 and not j.held and j.available_at <= v_now
    order by j.available_at
    limit p_limit
  ) j;
  if v_ids is null then
    return v_count;
  end if;
  select array_agg(w.workflow_id) into v_ids
  from (
    select w.workflow_id from delivery.workflows w
    where w.tenant_id = p_tenant and w.workflow_id = any (v_ids) and w.status = 'running'
    order by w.workflow_id
    for no key update skip locked
  ) w;
  if v_ids is null then
    return v_count;
  end if;
  v_prefix := coalesce(v_prefix, delivery.audit_prefix());
  perform from delivery.jobs j
  where j.tenant_id = p_tenant and j.workflow_id = any (v_ids) and j.attempts_left = 0 and j.available_at <= v_now
  order by j.workflow_id, j.task_number
  for update;
  with lost as (
    delete from delivery.jobs j
    where j.tenant_id = p_tenant and j.workflow_id = any (v_ids) and j.attempts_left = 0 and j.available_at <= v_now and not j.held
    returning j.workflow_id, j.task_number, j.attempt, j.lease, j.worker, j.leased_at, j.timeout_at
  ),
  failed as (
    update delivery.workflow_tasks t
    set status = 'failed', ended_at = v_now, attempt = l.attempt, worker = l.worker, started_at = l.leased_at,
      error = case when l.timeout_at <= v_now then 'the task took longer than its time-out' else 'the lease ran out' end
    from lost l
    where t.tenant_id = p_tenant and t.workflow_id = l.workflow_id and t.task_number = l.task_number
    returning t.workflow_id, t.task_number, t.error, t.attempt, l.timeout_at
  ),
  audited as (
    insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, workflow_ids, action, result, actor_type, actor_id, changes)
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'task', g.ids[p.first],
      nullif(g.ids[p.first + 1 : p.first + 31], '{}'),
      case when p.first < cardinality(g.ids) then array(select distinct w.id from unnest(g.workflow_ids[p.first : p.first + 31]) as w(id) order by w.id) end, 'stop', g.result, c_system ->> 'actor_type', c_system ->> 'actor_id',
      jsonb_build_object('status', '["running", "failed"]'::jsonb, 'error', g.error, 'attempt', g.attempt)
    from (
      select array_agg(f.workflow_id || '/' || f.task_number) as ids, array_agg(f.workflow_id) as workflow_ids, f.error, f.attempt, r.result
      from failed f
      cross join lateral (select case when f.timeout_at <= v_now then 'timeout' else 'failure' end as result) r
      group by f.error, f.attempt, r.result
    ) g
    cross join lateral generate_series(1, cardinality(g.ids), 32) as p(first)
  )
  select array_agg(f.workflow_id), array_agg(f.task_number) into v_ids, v_numbers from failed f;
  if v_ids is not null then
    perform delivery.settle_tasks(v_prefix, v_now, v_ids, v_numbers, array_fill(c_system, array[cardinality(v_ids)]));
    v_count := v_count + cardinality(v_ids);
  end if;
  return v_count;
end
$$;
comment on function delivery.expire_workflows(text, integer) is 'Times out workflows past their deadline, and fails tasks that lost the lease of their last attempt.';
revoke all on function delivery.expire_workflows(text, integer) from public;
grant execute on function delivery.expire_workflows(text, integer) to pgfleet_app;
