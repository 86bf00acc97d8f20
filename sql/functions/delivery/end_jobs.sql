-- delivery.end_jobs(tenant, jobs): gives leases back: the task is completed, has failed (and is tried again later while it
-- has retries: after its delay, doubled with every retry, at most an hour, less up to a half of it at random), or is released as if it had
-- not been claimed. Returns in order what became of the task: completed, failed, or pending with the time of the next
-- attempt. jobs: a jsonb array of {workflow_id uuid, task_number integer, lease uuid, outcome text (completed, failed,
-- released), result jsonb, error text, retry boolean, delay_ms integer (instead of the doubled one), actor_type, actor_id,
-- correlation_id text}. One may stand for many tasks of its workflow that end alike: it has task_numbers, the text of an integer array, in
-- place of task_number, and each of them has its place in the answer. The same again under the same lease changes nothing and gets the
-- same answer. All count, or none.
-- Errors: PF001..PF003 (platform.enter), PF072 the lease is no longer the job's.
create or replace function delivery.end_jobs(p_tenant text, p_jobs jsonb)
returns table (ordinal integer, status text, retry_at timestamptz)
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
  v_prefix text;
  v_now timestamptz;
  v_count integer;
  v_locked uuid[];
  v_workflows uuid[];
  v_numbers integer[];
  v_items bigint[];
  v_again bigint;
  v_are_completed boolean;
  v_lost record;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  -- First the workflows, in one order: whoever ends tasks of the same workflow waits here, and batches cannot deadlock.
  select array_agg(distinct i.workflow_id order by i.workflow_id), sum(coalesce(cardinality(i.task_numbers::integer[]), 1))
  into v_locked, v_count
  from jsonb_to_recordset(p_jobs) as i(workflow_id uuid, task_numbers text);
  perform from unnest(v_locked) as x(id)
  cross join lateral (
    select from delivery.workflows w where w.tenant_id = p_tenant and w.workflow_id = x.id limit 1 for no key update
  ) w;
  v_now := clock_timestamp();
  with items as materialized (
    select distinct on (x.workflow_id, x.task_number) x.*
    from (
      select i.workflow_id, n.task_number, i.lease, i.outcome, i.result, i.error, i.retry, i.delay_ms, i.actor_type, i.actor_id, i.correlation_id,
        i.ordinality as item, row_number() over () as place
      from rows from (
        jsonb_to_recordset(p_jobs) as (workflow_id uuid, task_number integer, task_numbers text, lease uuid, outcome text, result jsonb,
          error text, retry boolean, delay_ms integer, actor_type text, actor_id text, correlation_id text)
      ) with ordinality as i
      cross join lateral unnest(coalesce(i.task_numbers::integer[], array[i.task_number])) as n(task_number)
    ) x
    order by x.workflow_id, x.task_number, x.place
  ),
  gone as (
    delete from delivery.jobs j
    using items x
    where j.tenant_id = p_tenant and j.workflow_id = x.workflow_id and j.task_number = x.task_number and j.lease = x.lease
      and (j.timeout_at is null or j.timeout_at > v_now)
      and x.outcome <> 'released' and (x.outcome = 'completed' or (x.outcome = 'failed' and (j.attempts_left = 0 or not x.retry)))
    returning x.item, x.place, x.workflow_id, x.task_number, x.lease, x.outcome, x.result, x.error, x.actor_type, x.actor_id, x.correlation_id,
      j.attempt, j.worker, j.leased_at
  ),
  ended as (
    update delivery.workflow_tasks t
    set status = g.outcome, result = g.result, error = g.error, lease = g.lease, attempt = g.attempt, worker = g.worker,
      started_at = g.leased_at, ended_at = v_now
    from gone g
    where t.tenant_id = p_tenant and t.workflow_id = g.workflow_id and t.task_number = g.task_number
    returning t.workflow_id, t.task_number, t.workflow_id || '/' || t.task_number as entity, t.status, t.attempt, g.item, g.place, g.error,
      g.actor_type, g.actor_id, g.correlation_id
  ),
  again as (
    update delivery.jobs j
    set lease = null, leased_at = null, timeout_at = null, worker = null, former_lease = x.lease, former_outcome = x.outcome,
      attempt = j.attempt - (x.outcome = 'released')::integer, attempts_left = j.attempts_left + (x.outcome = 'released')::integer,
      available_at = v_now + d.delay, ready_at = v_now + d.delay
    from items x
    cross join lateral (
      select case
        when x.delay_ms is not null then x.delay_ms * interval '1 millisecond'
        when x.outcome = 'failed' then interval '1 millisecond' * (0.5 + random() / 2) * least(3600000, (
          select o.retry_delay_ms * power(2, least(o.attempt - 1, 30)) from delivery.jobs o
          where o.tenant_id = p_tenant and o.workflow_id = x.workflow_id and o.task_number = x.task_number
        ))
        else interval '0'
      end as delay
      offset 0
    ) d
    where j.tenant_id = p_tenant and j.workflow_id = x.workflow_id and j.task_number = x.task_number and j.lease = x.lease
      and (j.timeout_at is null or j.timeout_at > v_now)
      and x.outcome <> 'completed' and (x.outcome = 'released' or (x.outcome = 'failed' and j.attempts_left > 0 and x.retry))
    returning x.workflow_id, x.task_number, x.outcome, x.error, j.attempt, j.ready_at, x.actor_type, x.actor_id, x.correlation_id
  ),
  audited as (
    insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, workflow_ids, action, result, actor_type, actor_id, correlation_id, changes)
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'task',
      (array_agg(e.entity))[1], nullif((array_agg(e.entity))[2:], '{}'), case when count(*) > 1 then array_agg(distinct e.workflow_id) end,
      'stop', case e.status when 'completed' then 'success' else 'failure' end, e.actor_type, e.actor_id, e.correlation_id,
      case when e.error is null then jsonb_build_object('status', jsonb_build_array('running', e.status), 'attempt', e.attempt)
        else jsonb_build_object('status', jsonb_build_array('running', e.status), 'attempt', e.attempt, 'error', left(e.error, 500))
      end
    from ended e
    -- What a row may hold: delivery.audit_prefix.
    group by e.status, e.attempt, e.error, e.actor_type, e.actor_id, e.correlation_id, e.place / 32
    union all
    -- Each is tried again at a time of its own.
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'task', a.workflow_id || '/' || a.task_number,
      null, null, 'update', case a.outcome when 'failed' then 'failure' else 'cancelled' end, a.actor_type, a.actor_id, a.correlation_id,
      jsonb_build_object('status', '["running", "pending"]'::jsonb, 'attempt', a.attempt, 'retryAt', a.ready_at)
        || case when a.error is null then '{}' else jsonb_build_object('error', left(a.error, 500)) end
    from again a
  ),
  all_ended as (
    select array_agg(e.workflow_id) as workflows, array_agg(e.task_number) as numbers, array_agg(e.item) as items from ended e
  )
  select e.workflows, e.numbers, e.items, (select count(*) from again a), (select bool_and(i.outcome = 'completed') from items i)
  into v_workflows, v_numbers, v_items, v_again, v_are_completed
  from all_ended e;
  if coalesce(cardinality(v_numbers), 0) + v_again < v_count then
    -- Some came a second time, or too late; what was given back now looks as if it had come before.
    select x.place, x.workflow_id, x.task_number into v_lost
    from (
      select i.workflow_id, n.task_number, i.lease, i.outcome, i.result, i.error, row_number() over () as place
      from jsonb_to_recordset(p_jobs) as i(workflow_id uuid, task_number integer, task_numbers text, lease uuid, outcome text, result jsonb, error text)
      cross join lateral unnest(coalesce(i.task_numbers::integer[], array[i.task_number])) as n(task_number)
    ) x
    where not exists (
        select from delivery.workflow_tasks t
        where t.tenant_id = p_tenant and t.workflow_id = x.workflow_id and t.task_number = x.task_number and t.lease = x.lease
          and t.status = x.outcome and t.result is not distinct from x.result and t.error is not distinct from x.error
      )
      and not exists (
        select from delivery.jobs j
        where j.tenant_id = p_tenant and j.workflow_id = x.workflow_id and j.task_number = x.task_number
          and j.former_lease = x.lease and j.former_outcome = x.outcome
      )
    order by x.place
    limit 1;
    if found then
      raise exception 'the lease of task % of workflow % is lost', v_lost.task_number, v_lost.workflow_id
        using errcode = 'PF072', column = format('jobs[%s].lease', v_lost.place - 1);
    end if;
  end if;
  if v_workflows is not null then
    perform delivery.settle_tasks(v_prefix, v_now, v_workflows, v_numbers, array(
      -- Only the first of a workflow's tasks is asked who ended it.
      select case when e.workflow_id is distinct from lag(e.workflow_id) over () then (
        select jsonb_build_object('actor_type', i.item -> 'actor_type', 'actor_id', i.item -> 'actor_id', 'correlation_id', i.item -> 'correlation_id')
        from (select p_jobs -> (e.item - 1)::integer as item) i
      ) end
      from unnest(v_workflows, v_items) as e(workflow_id, item)
    ));
  end if;
  if v_are_completed then
    return query select n.ordinal, 'completed'::text, null::timestamptz from generate_series(1, v_count) as n(ordinal);
    return;
  end if;
  return query
  select x.place::integer,
    case when x.outcome = 'completed' then 'completed' when j.task_number is null then 'failed' else 'pending' end, j.ready_at
  from (
    select i.workflow_id, n.task_number, i.lease, i.outcome, row_number() over () as place
    from jsonb_to_recordset(p_jobs) as i(workflow_id uuid, task_number integer, task_numbers text, lease uuid, outcome text)
    cross join lateral unnest(coalesce(i.task_numbers::integer[], array[i.task_number])) as n(task_number)
  ) x
  left join lateral (
    select r.task_number, r.ready_at from delivery.jobs r
    where x.outcome <> 'completed' and r.tenant_id = p_tenant and r.workflow_id = x.workflow_id and r.task_number = x.task_number
      and r.former_lease = x.lease
    limit 1
  ) j on true;
end
$$;
comment on function delivery.end_jobs(text, jsonb) is 'Gives many leases back: completed, failed or released; idempotent by lease.';
revoke all on function delivery.end_jobs(text, jsonb) from public;
grant execute on function delivery.end_jobs(text, jsonb) to pgfleet_app;
