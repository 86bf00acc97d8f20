-- delivery.create_agent_sessions(tenant, sessions): creates agent sessions, active, and returns them in order. Idempotent by
-- id: one that is there stays as it is. A child has its parent's context beneath its own; the parent has to be there before.
-- sessions: a jsonb array of {id uuid, content_hash uuid, agent_name, agent_type, agent_version text, parent_id, workflow_id
-- uuid, task text, data, context, metadata jsonb objects, token_budget, request_budget bigint, cost_budget numeric,
-- live_until timestamptz, actor_type, actor_id, correlation_id text}.
-- A session is the entry of its creation in the audit (delivery.audit), with its place in the order that is sealed. One whose id tells of
-- another time than this hour's would stand there at that time; it has a row in the log instead.
-- Errors: PF001..PF003 (platform.enter), PF012 the id was used for another session, PF078 no such parent, PF079 the parent
-- has ended.
create or replace function delivery.create_agent_sessions(p_tenant text, p_sessions jsonb)
returns table (ordinal integer, session_id uuid, agent_name text, agent_type text, agent_version text, status text, version bigint,
  parent_id uuid, workflow_id uuid, task text, data jsonb, context jsonb, metadata jsonb, token_budget bigint, cost_budget numeric,
  request_budget bigint, request_count bigint, success_count bigint, tokens_used bigint, cost_usd numeric, duration_us_sum numeric,
  duration_us_min bigint, duration_us_max bigint, started_at timestamptz, last_activity_at timestamptz, live_until timestamptz,
  ended_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_mergejoin = off
-- What a batch holds is joined with itself; tables are looked into by key, which is lateral and can be nothing else.
set enable_nestloop = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_transaction xid8;
  v_from uuid := platform.uuid_floor(v_now - interval '1 hour');
  v_to uuid := platform.uuid_floor(v_now + interval '1 minute');
  v_logged uuid[];
  v_prefix text;
  v_bad record;
begin
  perform platform.enter(p_tenant);
  v_transaction := platform.log_transaction(pg_current_xact_id());
  select x.ordinality, x.parent_id, s.status, s.session_id is null as missing into v_bad
  from rows from (jsonb_to_recordset(p_sessions) as (id uuid, parent_id uuid)) with ordinality as x
  left join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.parent_id limit 1) s on true
  left join lateral (select r.session_id from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) e on true
  where x.parent_id is not null and (s.session_id is null or s.ended_at is not null or s.live_until <= v_now)
    and e.session_id is null
  order by x.ordinality
  limit 1;
  if found then
    if v_bad.missing then
      raise exception 'there is no agent session %', v_bad.parent_id
        using errcode = 'PF078', column = format('sessions[%s].parentId', v_bad.ordinality - 1);
    end if;
    raise exception 'agent session % is %; an ended session begets none', v_bad.parent_id,
        case when v_bad.status = any (array['active', 'idle', 'busy', 'paused']) then 'expired' else v_bad.status end
      using errcode = 'PF079', column = format('sessions[%s].parentId', v_bad.ordinality - 1);
  end if;
  with given as materialized (
    select distinct on (x.id) x.*
    from rows from (
      jsonb_to_recordset(p_sessions) as (id uuid, agent_name text, agent_type text, agent_version text, parent_id uuid, workflow_id uuid,
        task text, data jsonb, context jsonb, metadata jsonb, content_hash uuid, token_budget bigint, cost_budget numeric,
        request_budget bigint, live_until timestamptz, actor_type text, actor_id text, correlation_id text)
    ) with ordinality as x
    order by x.id, x.ordinality
  ),
  created as (
    insert into delivery.agent_sessions (tenant_id, session_id, agent_name, agent_type, agent_version, parent_id, workflow_id, task,
      data, context, metadata, content_hash, token_budget, cost_budget, request_budget, started_at, last_activity_at, live_until,
      transaction_id, audit_sequence, actor_type, actor_id, correlation_id, created_with)
    select p_tenant, x.id, x.agent_name, x.agent_type, x.agent_version, x.parent_id, x.workflow_id, x.task,
      x.data, coalesce(p.context, '{}'::jsonb) || x.context, x.metadata, x.content_hash, x.token_budget, x.cost_budget, x.request_budget,
      v_now, v_now, coalesce(x.live_until, v_now + interval '24 hours'),
      case when x.id between v_from and v_to then v_transaction end,
      case when x.id between v_from and v_to then nextval('delivery.audit_sequence') end, x.actor_type, x.actor_id, x.correlation_id,
      case when x.data <> '{}' or x.context <> '{}' or x.metadata <> '{}' or x.live_until is not null
          or coalesce(x.token_budget, x.request_budget) is not null or x.cost_budget is not null
        then jsonb_strip_nulls(jsonb_build_object('token_budget', x.token_budget, 'cost_budget', x.cost_budget,
            'request_budget', x.request_budget, 'live_until', x.live_until))
          || delivery.redact(jsonb_build_object('data', x.data, 'context', x.context, 'metadata', x.metadata))
      end
    from given x
    left join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.parent_id limit 1) p on true
    order by x.id
    on conflict (tenant_id, session_id) do nothing
    returning session_id, transaction_id
  )
  select array_agg(c.session_id) filter (where c.transaction_id is null) into v_logged from created c;
  if v_logged is not null then
    v_prefix := delivery.audit_prefix();
    insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'agent_session', s.session_id::text, 'create',
      s.actor_type, s.actor_id, s.correlation_id,
      jsonb_strip_nulls(jsonb_build_object('agent_name', s.agent_name, 'agent_type', s.agent_type, 'agent_version', s.agent_version,
        'parent_id', s.parent_id, 'workflow_id', s.workflow_id, 'task', s.task)) || coalesce(s.created_with, '{}'::jsonb)
    from unnest(v_logged) as c(id)
    cross join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = c.id limit 1) s;
  end if;
  select x.ordinality, x.id into v_bad
  from rows from (jsonb_to_recordset(p_sessions) as (id uuid, content_hash uuid)) with ordinality as x
  cross join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s
  where s.content_hash <> x.content_hash
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'there is an agent session % already, created otherwise', v_bad.id
      using errcode = 'PF012', column = format('sessions[%s].id', v_bad.ordinality - 1);
  end if;
  return query
  select x.ordinality::integer, s.session_id, s.agent_name, s.agent_type, s.agent_version, s.status, s.version,
    s.parent_id, s.workflow_id, s.task, s.data, s.context, s.metadata, s.token_budget, s.cost_budget,
    s.request_budget, s.request_count, s.success_count, s.tokens_used, s.cost_usd, s.duration_us_sum,
    s.duration_us_min, s.duration_us_max, s.started_at, s.last_activity_at, s.live_until, s.ended_at
  from rows from (jsonb_to_recordset(p_sessions) as (id uuid)) with ordinality as x
  cross join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s;
end
$$;
comment on function delivery.create_agent_sessions(text, jsonb) is 'Creates many agent sessions; idempotent by id.';
revoke all on function delivery.create_agent_sessions(text, jsonb) from public;
grant execute on function delivery.create_agent_sessions(text, jsonb) to pgfleet_app;
