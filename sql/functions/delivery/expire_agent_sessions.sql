-- delivery.expire_agent_sessions(tenant, idle, limit, identity): ends, as expired, sessions that are past their time, and with
-- `idle` those active or idle that did nothing for so long; at most `limit`. Returns how many. identity: {actor_type,
-- actor_id, correlation_id text}.
create or replace function delivery.expire_agent_sessions(p_tenant text, p_idle interval, p_limit integer, p_identity jsonb) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_prefix text;
  v_now timestamptz := clock_timestamp();
  v_ids uuid[];
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  -- Those that somebody works on are not idle.
  select array_agg(x.session_id) into v_ids
  from (
    select s.session_id
    from delivery.agent_sessions s
    where s.tenant_id = p_tenant and s.session_id in (
      select r.session_id from delivery.agent_sessions r
      where r.tenant_id = p_tenant and r.ended_at is null
        and (r.live_until <= v_now or (r.status in ('active', 'idle') and r.last_activity_at <= v_now - p_idle))
      order by r.live_until
      limit p_limit
    ) and s.ended_at is null
    order by s.session_id
    for no key update skip locked
  ) x;
  with expired as (
    update delivery.agent_sessions s
    set status = 'expired', ended_at = v_now, version = s.version + 1
    from (select r.session_id, r.status from delivery.agent_sessions r where r.tenant_id = p_tenant and r.session_id = any (v_ids)) b
    where s.tenant_id = p_tenant and s.session_id = any (v_ids) and s.session_id = b.session_id
    returning s.session_id, b.status
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'agent_session', g.ids[p.first],
    nullif(g.ids[p.first + 1 : p.first + 31], '{}'), 'update',
    p_identity ->> 'actor_type', p_identity ->> 'actor_id', p_identity ->> 'correlation_id',
    jsonb_build_object('status', jsonb_build_array(g.status, 'expired'))
  from (select e.status, array_agg(e.session_id::text) as ids from expired e group by e.status) g
  cross join lateral generate_series(1, cardinality(g.ids), 32) as p(first);
  return coalesce(cardinality(v_ids), 0);
end
$$;
comment on function delivery.expire_agent_sessions(text, interval, integer, jsonb) is 'Ends sessions that are past their time, or idle for too long.';
revoke all on function delivery.expire_agent_sessions(text, interval, integer, jsonb) from public;
grant execute on function delivery.expire_agent_sessions(text, interval, integer, jsonb) to pgfleet_app;
