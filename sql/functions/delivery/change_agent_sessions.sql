-- delivery.change_agent_sessions(tenant, changes): changes agent sessions, and returns them as they are after each change, in
-- order. changes: a jsonb array of {id uuid, status text, expected_version bigint, data, context, metadata jsonb objects (their
-- members replace those of the same name), token_budget, request_budget bigint, cost_budget numeric, live_until timestamptz,
-- actor_type, actor_id, correlation_id text}. Several changes of one session are applied one after the other. What leaves
-- everything as it is writes nothing. All of them are applied, or none.
-- Errors: PF001..PF003 (platform.enter), PF078 no such session, PF079 its status does not allow it (an ended one allows
-- nothing), PF042 it is not at the expected version, PF080 more is used than the new budget, PF005 an object of over 262144 characters.
create or replace function delivery.change_agent_sessions(p_tenant text, p_changes jsonb)
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
  v_now timestamptz;
  v_prefix text;
  v_rounds bigint;
  v_ids uuid[];
  v_bad record;
  v_status text;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  select array_agg(x.id) into v_ids from jsonb_to_recordset(p_changes) as x(id uuid);
  -- In one order, so that batches cannot deadlock each other.
  perform from delivery.agent_sessions s
  where s.tenant_id = p_tenant and s.session_id = any (v_ids)
  order by s.session_id
  for no key update;
  -- Behind the locks, so that the times of one session go forward.
  v_now := clock_timestamp();
  select max(x.times) into v_rounds
  from (select count(*) as times from jsonb_to_recordset(p_changes) as x(id uuid) group by x.id) x;
  for v_round in 1 .. coalesce(v_rounds, 0) loop
    select x.*, s.session_id is null as missing, s.ended_at is null and s.live_until <= v_now as overdue, s.status as present, s.version,
      s.tokens_used > x.token_budget as tokens_over, s.cost_usd > x.cost_budget as cost_over, s.request_count > x.request_budget as requests_over
    into v_bad
    from (
      select x.*, row_number() over (partition by x.id order by x.ordinality) as round
      from rows from (
        jsonb_to_recordset(p_changes) as (id uuid, status text, expected_version bigint, data jsonb, context jsonb, metadata jsonb,
          token_budget bigint, cost_budget numeric, request_budget bigint)
      ) with ordinality as x
    ) x
    left join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s on true
    where x.round = v_round and (
      s.session_id is null or s.version <> x.expected_version
      or ((s.ended_at is not null or s.live_until <= v_now) and x.status is distinct from s.status)
      or (x.status <> s.status and x.status <> all (delivery.next_agent_session_states(s.status)))
      or s.tokens_used > x.token_budget or s.cost_usd > x.cost_budget or s.request_count > x.request_budget
      or length((s.data || x.data)::text) > 262144 or length((s.context || x.context)::text) > 262144
      or length((s.metadata || x.metadata)::text) > 262144
    )
    order by x.ordinality
    limit 1;
    if found then
      v_status := case when v_bad.overdue then 'expired' else v_bad.present end;
      case
        when v_bad.missing then
          raise exception 'there is no agent session %', v_bad.id
            using errcode = 'PF078', column = format('sessions[%s].id', v_bad.ordinality - 1);
        when v_bad.version <> v_bad.expected_version then
          raise exception 'agent session % is at version %, not %', v_bad.id, v_bad.version, v_bad.expected_version
            using errcode = 'PF042', column = format('sessions[%s].expectedVersion', v_bad.ordinality - 1);
        when v_bad.overdue or coalesce(v_bad.status <> all (delivery.next_agent_session_states(v_status) || v_status), cardinality(delivery.next_agent_session_states(v_status)) = 0) then
          raise exception 'agent session % is %; from there it may go to: %', v_bad.id, v_status,
              coalesce(nullif(array_to_string(delivery.next_agent_session_states(v_status), ', '), ''), 'nothing')
            using errcode = 'PF079', column = format('sessions[%s].%s', v_bad.ordinality - 1, case when v_bad.status is null then 'id' else 'status' end);
        when v_bad.tokens_over or v_bad.cost_over or v_bad.requests_over then
          raise exception 'agent session % has used more than the new budget already', v_bad.id
            using errcode = 'PF080', column = format('sessions[%s].budgets.%s', v_bad.ordinality - 1,
              case when v_bad.tokens_over then 'tokens' when v_bad.cost_over then 'costUsd' else 'requests' end);
        else
          raise exception 'agent session %: its data, context or metadata would have more than 262144 characters', v_bad.id
            using errcode = 'PF005', column = format('sessions[%s]', v_bad.ordinality - 1);
      end case;
    end if;
    with wanted as (
      select x.*, b.status as old_status, b.token_budget as old_tokens, b.cost_budget as old_cost, b.request_budget as old_requests,
        b.live_until as old_until, b.data as old_data, b.context as old_context, b.metadata as old_metadata
      from (
        select x.*, row_number() over (partition by x.id order by x.ordinality) as round
        from rows from (
          jsonb_to_recordset(p_changes) as (id uuid, status text, data jsonb, context jsonb, metadata jsonb, token_budget bigint,
            cost_budget numeric, request_budget bigint, live_until timestamptz, actor_type text, actor_id text, correlation_id text)
        ) with ordinality as x
      ) x
      cross join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) b
      where x.round = v_round and b.ended_at is null and (
        x.status <> b.status or b.data || x.data <> b.data or b.context || x.context <> b.context or b.metadata || x.metadata <> b.metadata
        or (x.token_budget is not null and x.token_budget is distinct from b.token_budget)
        or (x.cost_budget is not null and x.cost_budget is distinct from b.cost_budget)
        or (x.request_budget is not null and x.request_budget is distinct from b.request_budget)
        or x.live_until <> b.live_until
      )
    ),
    changed as (
      update delivery.agent_sessions s
      set status = coalesce(x.status, s.status),
        version = s.version + 1,
        data = s.data || coalesce(x.data, '{}'::jsonb),
        context = s.context || coalesce(x.context, '{}'::jsonb),
        metadata = s.metadata || coalesce(x.metadata, '{}'::jsonb),
        token_budget = coalesce(x.token_budget, s.token_budget),
        cost_budget = coalesce(x.cost_budget, s.cost_budget),
        request_budget = coalesce(x.request_budget, s.request_budget),
        live_until = coalesce(x.live_until, s.live_until),
        last_activity_at = v_now,
        ended_at = case when x.status in ('completed', 'failed', 'expired', 'terminated') then v_now end
      from wanted x
      where s.tenant_id = p_tenant and s.session_id = any (v_ids) and s.session_id = x.id
      returning x.id, x.ordinality, x.actor_type, x.actor_id, x.correlation_id, x.old_status, x.status,
        -- The usual change is of the status alone, which the entry is made of: once a row of the log instead of once a session.
        case when coalesce(x.token_budget, x.cost_budget, x.request_budget) is null and x.live_until is null and coalesce(x.data, x.context, x.metadata) is null
          then null
        else case when x.status <> x.old_status then jsonb_build_object('status', jsonb_build_array(x.old_status, x.status)) else '{}'::jsonb end
        || case when x.token_budget is not null and x.token_budget is distinct from x.old_tokens
          then jsonb_build_object('token_budget', jsonb_build_array(x.old_tokens, x.token_budget)) else '{}'::jsonb end
        || case when x.cost_budget is not null and x.cost_budget is distinct from x.old_cost
          then jsonb_build_object('cost_budget', jsonb_build_array(x.old_cost, x.cost_budget)) else '{}'::jsonb end
        || case when x.request_budget is not null and x.request_budget is distinct from x.old_requests
          then jsonb_build_object('request_budget', jsonb_build_array(x.old_requests, x.request_budget)) else '{}'::jsonb end
        || case when x.live_until <> x.old_until then jsonb_build_object('live_until', jsonb_build_array(x.old_until, x.live_until)) else '{}'::jsonb end
        || case when x.old_data || x.data <> x.old_data
          then jsonb_build_object('data', jsonb_build_array(delivery.redact(x.old_data), delivery.redact(x.old_data || x.data))) else '{}'::jsonb end
        || case when x.old_context || x.context <> x.old_context
          then jsonb_build_object('context', jsonb_build_array(delivery.redact(x.old_context), delivery.redact(x.old_context || x.context))) else '{}'::jsonb end
        || case when x.old_metadata || x.metadata <> x.old_metadata
          then jsonb_build_object('metadata', jsonb_build_array(delivery.redact(x.old_metadata), delivery.redact(x.old_metadata || x.metadata))) else '{}'::jsonb end
        end as changes
    )
    insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, action, actor_type, actor_id, correlation_id, changes)
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'agent_session', (array_agg(x.id::text))[1],
      nullif((array_agg(x.id::text))[2:], '{}'), 'update', x.actor_type, x.actor_id, x.correlation_id,
      coalesce(x.changes, jsonb_build_object('status', jsonb_build_array(x.old_status, x.status)))
    from changed x
    -- What a row may hold: delivery.audit_prefix.
    group by x.actor_type, x.actor_id, x.correlation_id, x.old_status, x.status, x.changes, x.ordinality / 32;
    return query
    select x.ordinality::integer, s.session_id, s.agent_name, s.agent_type, s.agent_version, s.status, s.version,
    s.parent_id, s.workflow_id, s.task, s.data, s.context, s.metadata, s.token_budget, s.cost_budget,
    s.request_budget, s.request_count, s.success_count, s.tokens_used, s.cost_usd, s.duration_us_sum,
    s.duration_us_min, s.duration_us_max, s.started_at, s.last_activity_at, s.live_until, s.ended_at
    from (
      select x.id, x.ordinality, row_number() over (partition by x.id order by x.ordinality) as round
      from rows from (jsonb_to_recordset(p_changes) as (id uuid)) with ordinality as x
    ) x
    cross join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s
    where x.round = v_round;
  end loop;
end
$$;
comment on function delivery.change_agent_sessions(text, jsonb) is 'Changes many agent sessions, each in turn; all or none.';
revoke all on function delivery.change_agent_sessions(text, jsonb) from public;
grant execute on function delivery.change_agent_sessions(text, jsonb) to pgfleet_app;
