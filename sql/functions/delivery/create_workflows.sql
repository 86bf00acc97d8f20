-- delivery.create_workflows(tenant, workflows): creates workflows with their tasks, pending or started at once, and returns
-- them in order. Idempotent by id: one that is there stays as it is. workflows: a jsonb array of {id uuid (version 7),
-- content_hash uuid, name, description, type, environment, triggered_by text, parent_id uuid, priority integer, estimate_ms,
-- timeout_ms bigint, deadline_at timestamptz, tags jsonb array, metadata, configuration jsonb objects, start boolean,
-- actor_type, actor_id, correlation_id text, tasks jsonb array of {n integer (from 1), name, type, channel text, needs, feeds
-- jsonb arrays of numbers (the graph's edges, both ways, without a cycle), optional, critical boolean, max_retries,
-- retry_delay_ms, delay_ms, timeout_ms integer, payload jsonb}}.
-- What a workflow is created with is the entry of its creation in the audit (delivery.audit), with its place in the order that is sealed. One
-- whose id tells of another time than this hour's would stand there at that time, and one that is started at once behind its start where its
-- id is no older than the statement; they have a row in the log instead.
-- Errors: PF001..PF003 (platform.enter), PF006 an id's time is outside the window, PF007 quota, PF012 the id was used for
-- another workflow, PF070 no such parent.
create or replace function delivery.create_workflows(p_tenant text, p_workflows jsonb)
returns table (ordinal integer, workflow_id uuid, status text, version bigint, started_at timestamptz, ended_at timestamptz, deadline_at timestamptz)
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
  v_now timestamptz := statement_timestamp();
  v_transaction xid8;
  v_from uuid := platform.uuid_floor(v_now - interval '1 hour');
  v_to uuid := platform.uuid_floor(v_now + interval '1 minute');
  v_start_to uuid := platform.uuid_floor(v_now);
  v_logged uuid[];
  v_prefix text;
  v_other record;
  v_new uuid[];
  v_start record;
begin
  perform platform.enter(p_tenant);
  perform platform.check_quota(p_tenant, 'workflows');
  v_transaction := platform.log_transaction(pg_current_xact_id());
  perform platform.ensure_partitions('delivery', 'workflow_history', array_agg(x.id), 'workflows')
  from jsonb_to_recordset(p_workflows) as x(id uuid);
  with made as (
    insert into delivery.workflows (tenant_id, workflow_id, priority, task_count, open_tasks, timeout_ms, deadline_at, created_at, updated_at)
    select distinct on (x.id) p_tenant, x.id, x.priority, jsonb_array_length(x.tasks), jsonb_array_length(x.tasks), x.timeout_ms, x.deadline_at, v_now, v_now
    from rows from (
      jsonb_to_recordset(p_workflows) as (id uuid, priority integer, timeout_ms bigint, deadline_at timestamptz, tasks jsonb)
    ) with ordinality as x
    order by x.id, x.ordinality
    on conflict (tenant_id, workflow_id) do nothing
    returning workflow_id
  )
  select array_agg(m.workflow_id) into v_new from made m;
  if v_new is not null then
    with items as materialized (
      select distinct on (x.id) x.*, x.id between v_from and case when x.start then v_start_to else v_to end as is_entry
      from rows from (
        jsonb_to_recordset(p_workflows) as (id uuid, content_hash uuid, name text, description text, type text, environment text,
          triggered_by text, parent_id uuid, priority integer, estimate_ms bigint, tags jsonb, metadata jsonb, configuration jsonb,
          tasks jsonb, start boolean, actor_type text, actor_id text, correlation_id text)
      ) with ordinality as x
      where x.id = any (v_new)
      order by x.id, x.ordinality
    ),
    detailed as (
      insert into delivery.workflow_details (tenant_id, workflow_id, content_hash, name, description, workflow_type, environment,
        triggered_by, parent_workflow_id, estimate_ms, tags, metadata, configuration,
        transaction_id, audit_sequence, recorded_at, actor_type, actor_id, correlation_id, created_priority, created_tasks, created_with)
      select p_tenant, i.id, i.content_hash, i.name, i.description, i.type, i.environment, i.triggered_by, i.parent_id, i.estimate_ms,
        array(select jsonb_array_elements_text(i.tags)), i.metadata, i.configuration,
        case when i.is_entry then v_transaction end, case when i.is_entry then nextval('delivery.audit_sequence') end, v_now,
        i.actor_type, i.actor_id, i.correlation_id, i.priority, jsonb_array_length(i.tasks),
        case when i.configuration <> '{}' or i.metadata <> '{}'
          then case when i.configuration = '{}' then '{}' else jsonb_build_object('configuration', delivery.redact(i.configuration)) end
            || case when i.metadata = '{}' then '{}' else jsonb_build_object('metadata', delivery.redact(i.metadata)) end
        end
      from items i
    ),
    tasked as (
      insert into delivery.workflow_tasks (tenant_id, workflow_id, task_number, name, task_type, channel, dependencies, dependents, waits_for,
        is_optional, is_critical, max_retries, retry_delay_ms, delay_ms, timeout_ms, payload)
      select p_tenant, i.id, t.n, t.name, t.type, coalesce(t.channel, t.type), coalesce(t.needs, '{}'), coalesce(t.feeds, '{}'),
        coalesce(cardinality(t.needs), 0), t.optional, t.critical, t.max_retries, t.retry_delay_ms, t.delay_ms, t.timeout_ms,
        coalesce(t.payload, 'null'::jsonb)
      from items i
      cross join lateral jsonb_to_recordset(i.tasks) as t(n integer, name text, type text, channel text, needs integer[], feeds integer[],
        optional boolean, critical boolean, max_retries integer, retry_delay_ms integer, delay_ms integer, timeout_ms integer, payload jsonb)
    )
    select array_agg(i.id) into v_logged from items i where not i.is_entry;
  end if;
  if v_logged is not null then
    v_prefix := delivery.audit_prefix();
    insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'workflow', d.workflow_id::text, 'create',
      d.actor_type, d.actor_id, d.correlation_id,
      jsonb_build_object('name', d.name, 'status', 'pending', 'type', d.workflow_type, 'environment', d.environment,
        'priority', d.created_priority, 'tasks', d.created_tasks) || coalesce(d.created_with, '{}'::jsonb)
    from unnest(v_logged) as c(id)
    cross join lateral (select * from delivery.workflow_details r where r.tenant_id = p_tenant and r.workflow_id = c.id limit 1) d;
  end if;
  select x.ordinality, x.id, x.parent_id, w.content_hash <> x.content_hash as is_other into v_other
  from rows from (jsonb_to_recordset(p_workflows) as (id uuid, content_hash uuid, parent_id uuid)) with ordinality as x
  cross join lateral (select * from delivery.workflow_details r where r.tenant_id = p_tenant and r.workflow_id = x.id limit 1) w
  where w.content_hash <> x.content_hash or (x.parent_id is not null and not exists (
    select from delivery.workflows r where r.tenant_id = p_tenant and r.workflow_id = x.parent_id
  ))
  order by x.ordinality
  limit 1;
  if v_other.is_other then
    raise exception 'there is a workflow % already, created with other content', v_other.id
      using errcode = 'PF012', column = format('workflows[%s].id', v_other.ordinality - 1);
  elsif v_other.id is not null then
    raise exception 'there is no workflow %', v_other.parent_id
      using errcode = 'PF070', column = format('workflows[%s].parentId', v_other.ordinality - 1);
  end if;
  select array_agg(x.id) as ids, array_agg('running'::text) as statuses, array_agg(null::text) as reasons, array_agg(x.identity) as identities into v_start
  from (
    select distinct on (x.id) x.id, x.start,
      jsonb_build_object('actor_type', x.actor_type, 'actor_id', x.actor_id, 'correlation_id', x.correlation_id) as identity
    from rows from (
      jsonb_to_recordset(p_workflows) as (id uuid, start boolean, actor_type text, actor_id text, correlation_id text)
    ) with ordinality as x
    where x.id = any (v_new)
    order by x.id, x.ordinality
  ) x
  where x.start;
  if v_start.ids is not null then
    v_prefix := delivery.audit_prefix();
    perform delivery.move_workflows(v_prefix, v_now, v_start.ids, v_start.statuses, v_start.reasons, v_start.identities);
    perform delivery.end_workflows(v_prefix, v_now, v_start.ids, v_start.identities);
  end if;
  return query
  select x.ordinality::integer, w.workflow_id, w.status, w.version, w.started_at, w.ended_at, w.deadline_at
  from rows from (jsonb_to_recordset(p_workflows) as (id uuid)) with ordinality as x
  cross join lateral (select * from delivery.workflows r where r.tenant_id = p_tenant and r.workflow_id = x.id limit 1) w;
end
$$;
comment on function delivery.create_workflows(text, jsonb) is 'Creates many workflows with their tasks; idempotent by id.';
revoke all on function delivery.create_workflows(text, jsonb) from public;
grant execute on function delivery.create_workflows(text, jsonb) to pgfleet_app;
