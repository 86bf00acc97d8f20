-- delivery.record_interactions(tenant, interactions): records what agent sessions did, numbers it, and counts it into the
-- sessions: requests, tokens, cost, response times. Idempotent by id: a repeat changes nothing. interactions: a jsonb array of
-- {id uuid (version 7), session_id uuid, type, status text, tokens bigint, cost numeric, duration_us bigint, request, response
-- jsonb, error, task text, workflow_id uuid, actor_type, actor_id, correlation_id text}. Returned in order: the sequence in the
-- session, and whether it was there before. All of them are recorded, or none.
-- An interaction is its own entry of the audit (delivery.audit), with its place in the order that is sealed.
-- Sessions are locked in one order, once a batch; the batch's interactions are numbered in the order of the array.
-- Errors: PF001..PF003 (platform.enter), PF006 the id's time lies outside the window, PF012 the id is of another session,
-- PF078 no such session, PF079 it has ended, PF080 a budget would be overrun.
create or replace function delivery.record_interactions(p_tenant text, p_interactions jsonb)
returns table (ordinal integer, sequence bigint, replayed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_mergejoin = off
-- What a batch holds is joined with itself; tables are looked into by key, which is lateral and can be nothing else.
set enable_nestloop = off
set enable_bitmapscan = off
-- A batch is sorted and joined in memory: it has at most 8 MB.
set work_mem = '32MB'
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_transaction xid8;
  v_ids uuid[];
  v_sessions uuid[];
  v_before uuid[];
  v_first text;
  v_last text;
  v_month timestamptz;
  v_bad record;
begin
  perform platform.enter(p_tenant);
  v_transaction := platform.log_transaction(pg_current_xact_id());
  -- As text: uuid has no min before PostgreSQL 18.
  select array_agg(x.id), array_agg(distinct x.session_id), min(x.id::text), max(x.id::text) into v_ids, v_sessions, v_first, v_last
  from jsonb_to_recordset(p_interactions) as x(id uuid, session_id uuid);
  v_month := date_trunc('month', platform.uuid_time(v_first::uuid), 'UTC');
  -- The usual batch is of one month, whose partition is there, and not of long ago.
  if v_month is null or v_month is distinct from date_trunc('month', platform.uuid_time(v_last::uuid), 'UTC')
    or v_month not between now() - interval '350 days' and now()
    or to_regclass('delivery.agent_interactions_p' || to_char(v_month at time zone 'UTC', 'YYYYMM')) is null
  then
    perform platform.ensure_partitions('delivery', 'agent_interactions', v_ids, 'interactions');
  end if;
  -- In one order, so that batches cannot deadlock each other.
  perform from delivery.agent_sessions s
  where s.tenant_id = p_tenant and s.session_id = any (v_sessions)
  order by s.session_id
  for no key update;
  -- Behind the locks, so that the times of one session go forward.
  v_now := clock_timestamp();
  select array_agg(i.interaction_id) into v_before
  from unnest(v_ids) as x(id)
  cross join lateral (select r.interaction_id from delivery.agent_interactions r where r.tenant_id = p_tenant and r.interaction_id = x.id limit 1) i;
  -- The first item that may not be recorded. What was recorded before counts no more, and may be of a session that has ended.
  select y.*, s.session_id is null as missing, s.status, s.ended_at, s.live_until, i.session_id as other,
    s.token_budget, s.cost_budget, s.request_budget, s.tokens_used, s.cost_usd, s.request_count
  into v_bad
  from (
    select x.id, x.session_id, x.ordinality, x.tokens as needs_tokens, x.cost as needs_cost, x.is_new, x.first_session,
      sum(x.tokens) filter (where x.is_new) over w as tokens, sum(x.cost) filter (where x.is_new) over w as cost,
      count(*) filter (where x.is_new) over w as requests
    from (
      select x.*, coalesce(x.id <> all (v_before), true) and row_number() over (partition by x.id order by x.ordinality) = 1 as is_new,
        first_value(x.session_id) over (partition by x.id order by x.ordinality) as first_session
      from rows from (jsonb_to_recordset(p_interactions) as (id uuid, session_id uuid, tokens bigint, cost numeric)) with ordinality as x
    ) x
    window w as (partition by x.session_id order by x.ordinality)
  ) y
  left join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = y.session_id limit 1) s on true
  left join lateral (select r.session_id from delivery.agent_interactions r where r.tenant_id = p_tenant and r.interaction_id = y.id limit 1) i on true
  where (not y.is_new and coalesce(i.session_id, y.first_session) <> y.session_id)
    or (y.is_new and (s.session_id is null or s.ended_at is not null or s.live_until <= v_now
      or s.tokens_used + y.tokens > s.token_budget or s.cost_usd + y.cost > s.cost_budget
      or s.request_count + y.requests > s.request_budget))
  order by y.ordinality
  limit 1;
  if found then
    case
      when not v_bad.is_new then
        raise exception 'interaction % is of agent session %', v_bad.id, coalesce(v_bad.other, v_bad.first_session)
          using errcode = 'PF012', column = format('interactions[%s].id', v_bad.ordinality - 1);
      when v_bad.missing then
        raise exception 'there is no agent session %', v_bad.session_id
          using errcode = 'PF078', column = format('interactions[%s].sessionId', v_bad.ordinality - 1);
      when v_bad.ended_at is not null or v_bad.live_until <= v_now then
        raise exception 'agent session % is %; it does no more', v_bad.session_id, case when v_bad.ended_at is null then 'expired' else v_bad.status end
          using errcode = 'PF079', column = format('interactions[%s].sessionId', v_bad.ordinality - 1);
      when v_bad.request_count + v_bad.requests > v_bad.request_budget then
        raise exception 'agent session % has a budget of % requests; % are left', v_bad.session_id, v_bad.request_budget,
            v_bad.request_budget - v_bad.request_count - (v_bad.requests - 1)
          using errcode = 'PF080', column = format('interactions[%s].sessionId', v_bad.ordinality - 1);
      when v_bad.tokens_used + v_bad.tokens > v_bad.token_budget then
        raise exception 'agent session % has a budget of % tokens; % are left, the interaction has %', v_bad.session_id, v_bad.token_budget,
            v_bad.token_budget - v_bad.tokens_used - (v_bad.tokens - v_bad.needs_tokens), v_bad.needs_tokens
          using errcode = 'PF080', column = format('interactions[%s].tokens', v_bad.ordinality - 1);
      else
        raise exception 'agent session % has a budget of % US dollars; % are left, the interaction costs %', v_bad.session_id,
            trim_scale(v_bad.cost_budget), trim_scale(v_bad.cost_budget - v_bad.cost_usd - (v_bad.cost - v_bad.needs_cost)), trim_scale(v_bad.needs_cost)
          using errcode = 'PF080', column = format('interactions[%s].costUsd', v_bad.ordinality - 1);
    end case;
  end if;
  with fresh as materialized (
    select x.*, row_number() over (partition by x.session_id order by x.ordinality) as place
    from (
      select x.*, row_number() over (partition by x.id order by x.ordinality) as copy
      from rows from (
        jsonb_to_recordset(p_interactions) as (id uuid, session_id uuid, type text, status text, tokens bigint, cost numeric,
          duration_us bigint, request jsonb, response jsonb, error text, workflow_id uuid, task text, actor_type text, actor_id text,
          correlation_id text)
      ) with ordinality as x
      where v_before is null or x.id <> all (v_before)
    ) x
    where x.copy = 1
  ),
  numbered as materialized (
    select x.*, s.request_count + x.place as number
    from fresh x
    cross join lateral (select * from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = x.session_id limit 1) s
  ),
  inserted as (
    insert into delivery.agent_interactions (tenant_id, interaction_id, session_id, sequence, interaction_type, status, tokens,
      cost_usd, duration_us, request, response, error_message, workflow_id, task, recorded_at,
      transaction_id, audit_sequence, actor_type, actor_id, correlation_id)
    select p_tenant, x.id, x.session_id, x.number, x.type, x.status, x.tokens,
      x.cost, x.duration_us, x.request, x.response, x.error, x.workflow_id, x.task, v_now,
      v_transaction, nextval('delivery.audit_sequence'), x.actor_type, x.actor_id, x.correlation_id
    from numbered x
    order by x.id
  ),
  counted as (
    update delivery.agent_sessions s
    set request_count = s.request_count + n.requests,
      success_count = s.success_count + n.successes,
      tokens_used = s.tokens_used + n.tokens,
      cost_usd = s.cost_usd + n.cost,
      duration_us_sum = s.duration_us_sum + n.duration,
      duration_us_min = least(s.duration_us_min, n.shortest),
      duration_us_max = greatest(s.duration_us_max, n.longest),
      last_activity_at = v_now
    from (
      select x.session_id, count(*) as requests, count(*) filter (where x.status = 'completed') as successes, sum(x.tokens) as tokens,
        sum(x.cost) as cost, sum(x.duration_us) as duration, min(x.duration_us) as shortest, max(x.duration_us) as longest
      from fresh x
      group by x.session_id
    ) n
    where s.tenant_id = p_tenant and s.session_id = any (v_sessions) and s.session_id = n.session_id
  )
  insert into delivery.agent_session_durations as d (tenant_id, session_id, bucket, duration_count)
  select p_tenant, x.session_id, x.bucket, count(*)
  from (select f.session_id, delivery.sketch_bucket(f.duration_us / 1000.0::double precision) as bucket from fresh f) x
  group by x.session_id, x.bucket
  order by x.session_id, x.bucket
  on conflict (tenant_id, session_id, bucket) do update set duration_count = d.duration_count + excluded.duration_count;
  return query
  select x.ordinality::integer, i.sequence, coalesce(x.id = any (v_before), false) or row_number() over (partition by x.id order by x.ordinality) > 1
  from rows from (jsonb_to_recordset(p_interactions) as (id uuid)) with ordinality as x
  cross join lateral (select r.sequence from delivery.agent_interactions r where r.tenant_id = p_tenant and r.interaction_id = x.id limit 1) i;
end
$$;
comment on function delivery.record_interactions(text, jsonb) is 'Records many interactions, numbers and counts them; idempotent by id.';
revoke all on function delivery.record_interactions(text, jsonb) from public;
grant execute on function delivery.record_interactions(text, jsonb) to pgfleet_app;
