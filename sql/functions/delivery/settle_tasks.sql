-- delivery.settle_tasks(prefix, now, workflows, numbers, identities): what follows from tasks that have just ended
-- completed or failed: counts them, frees those that waited for them (they become jobs), skips those that can no longer run,
-- and ends workflows that have nothing left to run. For other functions of this schema, which hold the locks of the
-- workflows' rows. A failed optional task is passed by those that wait for it; any other failure skips them, and what is
-- skipped so skips on, past optional tasks no further. identities: jsonb objects of actor_type, actor_id, correlation_id, one a
-- task; of those of a workflow the first counts, and the others may be null.
create or replace function delivery.settle_tasks(p_prefix text, p_now timestamptz, p_workflows uuid[], p_numbers integer[], p_identities jsonb[]) returns void
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
  -- Of platform.enter alone: without one the policies show no row.
  v_tenant text := current_setting('pgfleet.tenant', true);
  v_workflows uuid[] := p_workflows;
  v_numbers integer[] := p_numbers;
  v_has_dependents boolean;
  v_may_end uuid[];
  v_ending uuid[];
  v_ready_workflows uuid[] := '{}';
  v_ready_numbers integer[] := '{}';
  v_freed record;
begin
  while cardinality(v_numbers) > 0 loop
    with sums as (
      select w.place, t.*
      from (
        select e.workflow_id, array_agg(e.task_number) as numbers
        from unnest(v_workflows, v_numbers) as e(workflow_id, task_number)
        group by e.workflow_id
      ) e
      -- All of a workflow in one look at the index.
      cross join lateral (
        select count(*) as ended, count(*) filter (where r.status = 'completed') as completed,
          count(*) filter (where r.status = 'failed') as failed, count(*) filter (where r.status = 'skipped') as skipped,
          bool_or(r.status <> 'completed' and not r.is_optional) as has_failed,
          bool_or(r.status = 'failed' and r.is_critical) as has_failed_critically,
          bool_or(cardinality(r.dependents) > 0) as has_dependents
        from delivery.workflow_tasks r
        where r.tenant_id = v_tenant and r.workflow_id = e.workflow_id and r.task_number = any (e.numbers)
      ) t
      cross join lateral (select r.ctid as place from delivery.workflows r where r.tenant_id = v_tenant and r.workflow_id = e.workflow_id limit 1) w
      limit c_all
    ),
    counted as (
      update delivery.workflows w
      set open_tasks = w.open_tasks - s.ended,
        completed_tasks = w.completed_tasks + s.completed,
        failed_tasks = w.failed_tasks + s.failed,
        skipped_tasks = w.skipped_tasks + s.skipped,
        has_failed = w.has_failed or s.has_failed,
        has_failed_critically = w.has_failed_critically or s.has_failed_critically,
        updated_at = p_now
      from sums s
      where w.ctid = s.place
      returning w.workflow_id, w.status = 'running' and (w.open_tasks = 0 or w.has_failed_critically) as may_end, s.has_dependents
    )
    select bool_or(c.has_dependents), array_agg(c.workflow_id) filter (where c.may_end) into v_has_dependents, v_ending from counted c;
    v_may_end := v_may_end || v_ending;
    exit when not v_has_dependents;
    with ended as (
      select e.workflow_id, t.dependents, t.status <> 'completed' and not t.is_optional as blocks
      from unnest(v_workflows, v_numbers) as e(workflow_id, task_number)
      cross join lateral (
        select * from delivery.workflow_tasks r
        where r.tenant_id = v_tenant and r.workflow_id = e.workflow_id and r.task_number = e.task_number
        limit 1
      ) t
      limit c_all
    ),
    affected as (
      select p.place, d.ended, d.blocked
      from (
        select e.workflow_id, d.number, count(*) as ended, bool_or(e.blocks) as blocked
        from ended e cross join lateral unnest(e.dependents) as d(number)
        group by e.workflow_id, d.number
        order by e.workflow_id, d.number
      ) d
      cross join lateral (
        select r.ctid as place from delivery.workflow_tasks r
        where r.tenant_id = v_tenant and r.workflow_id = d.workflow_id and r.task_number = d.number and r.status = 'pending'
        limit 1
      ) p
      limit c_all
    ),
    changed as (
      update delivery.workflow_tasks t
      set waits_for = t.waits_for - a.ended,
        status = case when a.blocked then 'skipped' else t.status end,
        ended_at = case when a.blocked then p_now end
      from affected a
      where t.ctid = a.place
      returning t.workflow_id, t.task_number, t.status, t.waits_for
    )
    select coalesce(array_agg(c.workflow_id) filter (where c.status = 'skipped'), '{}') as skipped_workflows,
      coalesce(array_agg(c.task_number) filter (where c.status = 'skipped'), '{}') as skipped_numbers,
      coalesce(array_agg(c.workflow_id) filter (where c.status = 'pending' and c.waits_for = 0), '{}') as ready_workflows,
      coalesce(array_agg(c.task_number) filter (where c.status = 'pending' and c.waits_for = 0), '{}') as ready_numbers
    into v_freed
    from changed c;
    v_ready_workflows := v_ready_workflows || v_freed.ready_workflows;
    v_ready_numbers := v_ready_numbers || v_freed.ready_numbers;
    v_workflows := v_freed.skipped_workflows;
    v_numbers := v_freed.skipped_numbers;
  end loop;
  if cardinality(v_ready_numbers) > 0 then
    insert into delivery.jobs (tenant_id, workflow_id, task_number, channel, rank, available_at, ready_at, attempts_left, held, retry_delay_ms, timeout_ms)
    select v_tenant, t.workflow_id, t.task_number, t.channel, 10 - w.priority, p_now + t.delay_ms * interval '1 millisecond',
      p_now + t.delay_ms * interval '1 millisecond', t.max_retries + 1, w.status = 'paused', t.retry_delay_ms, t.timeout_ms
    from unnest(v_ready_workflows, v_ready_numbers) as e(workflow_id, task_number)
    cross join lateral (select * from delivery.workflows r where r.tenant_id = v_tenant and r.workflow_id = e.workflow_id limit 1) w
    cross join lateral (
      select * from delivery.workflow_tasks r
      where r.tenant_id = v_tenant and r.workflow_id = e.workflow_id and r.task_number = e.task_number
      limit 1
    ) t
    order by t.workflow_id, t.task_number;
  end if;
  if v_may_end is not null then
    perform delivery.end_workflows(p_prefix, p_now, v_may_end, array(
      select p_identities[array_position(p_workflows, e.id)] from unnest(v_may_end) with ordinality as e(id, ordinality) order by e.ordinality
    ));
  end if;
end
$$;
comment on function delivery.settle_tasks(text, timestamptz, uuid[], integer[], jsonb[]) is 'What follows from tasks that have just ended.';
revoke all on function delivery.settle_tasks(text, timestamptz, uuid[], integer[], jsonb[]) from public;
grant execute on function delivery.settle_tasks(text, timestamptz, uuid[], integer[], jsonb[]) to pgfleet_app;
