-- delivery.move_workflows(prefix, now, ids, statuses, reasons, identities, fields): the one place where workflows
-- change status; for other functions of this schema, which hold the locks of the workflows' rows. Each workflow comes once.
-- Writes its history and the audit log, and does what the status means for its tasks: going to running makes jobs of the
-- tasks that wait for nothing, or lets go of those that a pause held; paused holds them; an end cancels what is open,
-- and with it the leases. identities: jsonb objects of actor_type, actor_id, correlation_id. fields: what an error names.
-- Errors: PF071 the present status does not allow it.
create or replace function delivery.move_workflows(p_prefix text, p_now timestamptz, p_ids uuid[],
  p_statuses text[], p_reasons text[], p_identities jsonb[], p_fields text[] default null) returns void
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
  v_bad record;
  v_begun uuid[];
  v_resumed uuid[];
  v_paused uuid[];
  v_open uuid[];
  v_held uuid[];
  v_moved uuid[];
begin
  with moves as (
    select m.*, w.place, w.status as present, w.open_tasks
    from unnest(p_ids, p_statuses, p_reasons, p_identities) with ordinality as m(id, status, reason, identity, ordinality)
    cross join lateral (select r.ctid as place, r.status, r.open_tasks from delivery.workflows r where r.tenant_id = v_tenant and r.workflow_id = m.id limit 1) w
    where m.status = any (delivery.next_workflow_statuses(w.status))
    limit c_all
  ),
  moved as (
    update delivery.workflows w
    set status = m.status,
      version = w.version + 1,
      started_at = case when m.present = 'pending' and m.status = 'running' then p_now else w.started_at end,
      deadline_at = case when m.present = 'pending' and m.status = 'running'
        then least(w.deadline_at, p_now + w.timeout_ms * interval '1 millisecond') else w.deadline_at end,
      ended_at = case when m.status in ('running', 'paused') then null else p_now end,
      cancelled_tasks = w.cancelled_tasks + case when m.status in ('running', 'paused') then 0 else w.open_tasks end,
      open_tasks = case when m.status in ('running', 'paused') then w.open_tasks else 0 end,
      updated_at = p_now
    from moves m
    where w.ctid = m.place
    returning w.workflow_id, w.version, m.present, m.status, m.open_tasks, m.reason, m.identity, m.ordinality
  ),
  noted as (
    insert into delivery.workflow_history
      (tenant_id, workflow_id, version, changed_at, from_status, to_status, reason, actor_type, actor_id, correlation_id)
    select v_tenant, m.workflow_id, m.version, p_now, m.present, m.status, m.reason,
      m.identity ->> 'actor_type', m.identity ->> 'actor_id', m.identity ->> 'correlation_id'
    from moved m
  ),
  audited as (
    insert into delivery.audit_log
      (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, action, result, actor_type, actor_id, correlation_id, changes)
    select v_tenant, (p_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'workflow', (array_agg(m.workflow_id::text))[1],
      nullif((array_agg(m.workflow_id::text))[2:], '{}'),
      case when m.status = 'paused' then 'pause' when m.status <> 'running' then 'stop' when m.present = 'paused' then 'resume' else 'start' end,
      case m.status when 'failed' then 'failure' when 'cancelled' then 'cancelled' when 'timeout' then 'timeout' else 'success' end,
      m.identity ->> 'actor_type', m.identity ->> 'actor_id', m.identity ->> 'correlation_id',
      jsonb_build_object('status', jsonb_build_array(m.present, m.status))
        || case when m.reason is null then '{}' else jsonb_build_object('reason', m.reason) end
        || case when case when m.status in ('running', 'paused') then 0 else m.open_tasks end > 0
          then jsonb_build_object('openTasks', jsonb_build_array(case when m.status in ('running', 'paused') then 0 else m.open_tasks end, 0)) else '{}' end
    from moved m
    -- What a row may hold: delivery.audit_prefix.
    group by m.present, m.status, m.reason, m.identity, case when m.status in ('running', 'paused') then 0 else m.open_tasks end, m.ordinality / 32
  )
  select array_agg(m.workflow_id),
    array_agg(m.workflow_id order by m.workflow_id) filter (where m.status = 'running' and m.present = 'pending'),
    array_agg(m.workflow_id order by m.workflow_id) filter (where m.status = 'running' and m.present = 'paused'),
    array_agg(m.workflow_id order by m.workflow_id) filter (where m.status = 'paused'),
    array_agg(m.workflow_id order by m.workflow_id) filter (where m.open_tasks > 0 and m.status not in ('running', 'paused'))
  into v_moved, v_begun, v_resumed, v_paused, v_open
  from moved m;
  if cardinality(v_moved) is distinct from cardinality(p_ids) then
    select m.*, w.status as present into v_bad
    from unnest(p_ids, p_statuses, coalesce(p_fields, array_fill(null::text, array[cardinality(p_ids)]))) with ordinality as m(id, status, field, ordinality)
    cross join lateral (select * from delivery.workflows r where r.tenant_id = v_tenant and r.workflow_id = m.id limit 1) w
    where m.id <> all (coalesce(v_moved, '{}'))
    order by m.ordinality
    limit 1;
    raise exception 'workflow % is %; from there it may go to: %', v_bad.id, v_bad.present,
        coalesce(nullif(array_to_string(delivery.next_workflow_statuses(v_bad.present), ', '), ''), 'nothing')
      using errcode = 'PF071', column = coalesce(v_bad.field, 'status');
  end if;
  if v_begun is not null then
    insert into delivery.jobs (tenant_id, workflow_id, task_number, channel, rank, available_at, ready_at, attempts_left, retry_delay_ms, timeout_ms)
    select v_tenant, t.workflow_id, t.task_number, t.channel, 10 - w.priority, p_now + t.delay_ms * interval '1 millisecond',
      p_now + t.delay_ms * interval '1 millisecond', t.max_retries + 1, t.retry_delay_ms, t.timeout_ms
    from unnest(v_begun) as b(id)
    cross join lateral (select * from delivery.workflows r where r.tenant_id = v_tenant and r.workflow_id = b.id limit 1) w
    cross join lateral (select * from delivery.workflow_tasks r where r.tenant_id = v_tenant and r.workflow_id = b.id offset 0) t
    where t.waits_for = 0 and t.status = 'pending';
  end if;
  v_held := v_resumed || v_paused;
  if v_held is not null then
    -- In one order with whoever else locks jobs.
    perform from delivery.jobs j
    where j.tenant_id = v_tenant and j.workflow_id = any (v_held)
    order by j.workflow_id, j.task_number
    for update;
    update delivery.jobs j set held = false where j.tenant_id = v_tenant and j.workflow_id = any (v_resumed);
    update delivery.jobs j set held = true where j.tenant_id = v_tenant and j.workflow_id = any (v_paused);
  end if;
  if v_open is not null then
    perform from delivery.jobs j
    where j.tenant_id = v_tenant and j.workflow_id = any (v_open)
    order by j.workflow_id, j.task_number
    for update;
    update delivery.workflow_tasks t set status = 'cancelled', ended_at = p_now
    where t.tenant_id = v_tenant and t.workflow_id = any (v_open) and t.status = 'pending';
    -- Those in hand keep who had them.
    with gone as (
      delete from delivery.jobs j where j.tenant_id = v_tenant and j.workflow_id = any (v_open)
      returning j.workflow_id, j.task_number, j.attempt, j.worker, j.leased_at
    )
    update delivery.workflow_tasks t
    set attempt = g.attempt, worker = g.worker, started_at = g.leased_at
    from gone g
    where g.attempt > 0 and t.tenant_id = v_tenant and t.workflow_id = g.workflow_id and t.task_number = g.task_number;
  end if;
end
$$;
comment on function delivery.move_workflows(text, timestamptz, uuid[], text[], text[], jsonb[], text[]) is 'Changes the status of workflows whose rows the caller has locked, and does what that means for their tasks.';
revoke all on function delivery.move_workflows(text, timestamptz, uuid[], text[], text[], jsonb[], text[]) from public;
grant execute on function delivery.move_workflows(text, timestamptz, uuid[], text[], text[], jsonb[], text[]) to pgfleet_app;
