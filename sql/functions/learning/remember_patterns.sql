-- learning.remember_patterns(tenant, patterns): keeps patterns, by agent type, name and version; one that is there gets the
-- new content and keeps its id and counters, an expired one starts anew. patterns: a jsonb array of {id uuid,
-- agent_type, name text, version integer, type, category text, data, trigger_conditions, expected_outcome, metadata
-- jsonb}; of the same pattern twice in one call the last counts. The version below, where there is one, becomes the
-- parent. Returns the ids, one row a pattern, in order.
-- Errors: PF001..PF003 (platform.enter), PF004 unknown agent type, PF007 quota.
create or replace function learning.remember_patterns(p_tenant text, p_patterns jsonb)
returns table (ordinal integer, pattern_id uuid)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_unknown bigint;
begin
  perform platform.enter(p_tenant);
  perform platform.check_quota(p_tenant, 'patterns');
  select min(x.ordinality) into v_unknown
  from rows from (jsonb_to_recordset(p_patterns) as (agent_type text)) with ordinality as x
  left join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
  where t.agent_type is null;
  if v_unknown is not null then
    raise exception 'pattern %: the tenant has no agent type %', v_unknown,
      coalesce(quote_literal(left(p_patterns -> (v_unknown::integer - 1) ->> 'agent_type', 80)), 'null')
      using errcode = 'PF004', column = format('patterns[%s].agentType', v_unknown - 1);
  end if;
  insert into learning.patterns as p
    (tenant_id, pattern_id, agent_type, pattern_name, version, pattern_type, category, pattern_data,
     trigger_conditions, expected_outcome, metadata, first_seen_at, expires_at)
  select p_tenant, x.id, x.agent_type, x.name, x.version,
    x.type, x.category, x.data, x.trigger_conditions, x.expected_outcome, coalesce(x.metadata, '{}'::jsonb), v_now,
    date_trunc('day', v_now, 'UTC') + make_interval(days => t.retention_days + 1)
  from (
    select distinct on (r.agent_type, r.name, coalesce(r.version, 1))
      r.id, r.agent_type, r.name, coalesce(r.version, 1) as version, r.type, r.category, r.data, r.trigger_conditions,
      r.expected_outcome, r.metadata
    from rows from (
      jsonb_to_recordset(p_patterns) as (id uuid, agent_type text, name text, version integer, type text, category text, data jsonb,
        trigger_conditions jsonb, expected_outcome jsonb, metadata jsonb)
    ) with ordinality as r
    order by r.agent_type, r.name, coalesce(r.version, 1), r.ordinality desc
  ) x
  join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
  order by x.agent_type, x.name, x.version
  on conflict (tenant_id, agent_type, pattern_name, version) do update
  set pattern_type = excluded.pattern_type, category = excluded.category, pattern_data = excluded.pattern_data,
    trigger_conditions = excluded.trigger_conditions, expected_outcome = excluded.expected_outcome, metadata = excluded.metadata,
    usage_count = case when p.expires_at <= excluded.first_seen_at then 0 else p.usage_count end,
    success_count = case when p.expires_at <= excluded.first_seen_at then 0 else p.success_count end,
    failure_count = case when p.expires_at <= excluded.first_seen_at then 0 else p.failure_count end,
    total_reward = case when p.expires_at <= excluded.first_seen_at then 0 else p.total_reward end,
    parent_pattern_id = case when p.expires_at > excluded.first_seen_at then p.parent_pattern_id end,
    last_used_at = case when p.expires_at > excluded.first_seen_at then p.last_used_at end,
    first_seen_at = case when p.expires_at <= excluded.first_seen_at then excluded.first_seen_at else p.first_seen_at end,
    expires_at = excluded.expires_at;
  -- A statement of its own, so that versions remembered together find each other.
  update learning.patterns p
  set parent_pattern_id = b.pattern_id
  from jsonb_to_recordset(p_patterns) as x(agent_type text, name text, version integer)
  cross join lateral (
    select b.pattern_id from learning.patterns b
    where b.tenant_id = p_tenant and b.agent_type = x.agent_type and b.pattern_name = x.name and b.version < x.version and b.expires_at > v_now
    order by b.version desc
    limit 1
  ) b
  where p.tenant_id = p_tenant and p.agent_type = x.agent_type and p.pattern_name = x.name and p.version = x.version
    and p.parent_pattern_id is distinct from b.pattern_id;
  return query
  select x.ordinality::integer, p.pattern_id
  from rows from (jsonb_to_recordset(p_patterns) as (agent_type text, name text, version integer)) with ordinality as x
  join learning.patterns p
    on p.tenant_id = p_tenant and p.agent_type = x.agent_type and p.pattern_name = x.name and p.version = coalesce(x.version, 1)
  order by x.ordinality;
end
$$;
comment on function learning.remember_patterns(text, jsonb) is 'Keeps many patterns; idempotent by agent type, name and version.';
revoke all on function learning.remember_patterns(text, jsonb) from public;
grant execute on function learning.remember_patterns(text, jsonb) to pgfleet_app;
