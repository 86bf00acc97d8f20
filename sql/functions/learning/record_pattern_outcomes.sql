-- learning.record_pattern_outcomes(tenant, outcomes): counts how patterns did when they were used, and renews their expiry.
-- outcomes: a jsonb array of {pattern_id uuid, succeeded bool or null (unknown), reward number (0)}; several of one
-- pattern add up. Returns the pattern's counters after the whole batch, one row an outcome.
-- Errors: PF001..PF003 (platform.enter), PF010 a pattern is unknown or has expired.
create or replace function learning.record_pattern_outcomes(p_tenant text, p_outcomes jsonb)
returns table (ordinal integer, usage_count bigint, success_count bigint, failure_count bigint, average_reward double precision, confidence double precision)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_unknown bigint;
begin
  perform platform.enter(p_tenant);
  perform from learning.patterns p
  where p.tenant_id = p_tenant
    and p.pattern_id in (select x.pattern_id from jsonb_to_recordset(p_outcomes) as x(pattern_id uuid))
  order by p.pattern_id
  for update;
  select min(x.ordinality) into v_unknown
  from rows from (jsonb_to_recordset(p_outcomes) as (pattern_id uuid)) with ordinality as x
  left join learning.patterns p on p.tenant_id = p_tenant and p.pattern_id = x.pattern_id and p.expires_at > statement_timestamp()
  where p.pattern_id is null;
  if v_unknown is not null then
    raise exception 'outcome %: the tenant has no live pattern of that id', v_unknown
      using errcode = 'PF010', column = format('outcomes[%s].patternId', v_unknown - 1);
  end if;
  return query
  with outcome as (
    select x.ordinality::integer as ordinal, x.pattern_id, x.succeeded, coalesce(x.reward, 0) as reward
    from rows from (jsonb_to_recordset(p_outcomes) as (pattern_id uuid, succeeded boolean, reward double precision)) with ordinality as x
  ),
  counted as (
    update learning.patterns p
    set usage_count = p.usage_count + o.used, success_count = p.success_count + o.succeeded, failure_count = p.failure_count + o.failed,
      total_reward = p.total_reward + o.reward, last_used_at = statement_timestamp(),
      expires_at = date_trunc('day', statement_timestamp(), 'UTC') + make_interval(days => t.retention_days + 1)
    from (
      select n.pattern_id, count(*) as used, count(*) filter (where n.succeeded) as succeeded,
        count(*) filter (where not n.succeeded) as failed, sum(n.reward) as reward
      from outcome n
      group by n.pattern_id
    ) o, learning.agent_types t
    where p.tenant_id = p_tenant and p.pattern_id = o.pattern_id and t.tenant_id = p_tenant and t.agent_type = p.agent_type
    returning p.pattern_id, p.usage_count, p.success_count, p.failure_count, p.average_reward, p.confidence
  )
  select o.ordinal, c.usage_count, c.success_count, c.failure_count, c.average_reward, c.confidence
  from outcome o
  join counted c on c.pattern_id = o.pattern_id
  order by o.ordinal;
end
$$;
comment on function learning.record_pattern_outcomes(text, jsonb) is 'Counts how patterns did; nothing is lost under concurrency.';
revoke all on function learning.record_pattern_outcomes(text, jsonb) from public;
grant execute on function learning.record_pattern_outcomes(text, jsonb) to pgfleet_app;
