-- delivery.agent_session_statistics(tenant, filter): what sessions did together: counts, tokens, cost, and response times in
-- milliseconds with percentiles (1 % relative accuracy) from their merged sketches. filter: {session_ids uuid array, agent_name
-- text, workflow_id, parent_id uuid}; what is left out matches all.
create or replace function delivery.agent_session_statistics(p_tenant text, p_filter jsonb)
returns table (sessions bigint, requests bigint, successes bigint, tokens numeric, cost_usd numeric, mean_ms double precision,
  min_ms double precision, max_ms double precision, p50_ms double precision, p90_ms double precision, p95_ms double precision,
  p99_ms double precision)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_ids uuid[];
begin
  -- A branch for each way in, so that each has an index.
  case
    when p_filter ? 'session_ids' then
      v_ids := array(select e.id::uuid from jsonb_array_elements_text(p_filter -> 'session_ids') e(id));
    when p_filter ? 'workflow_id' then
      v_ids := array(select s.session_id from delivery.agent_sessions s where s.tenant_id = p_tenant and s.workflow_id = (p_filter ->> 'workflow_id')::uuid);
    when p_filter ? 'parent_id' then
      v_ids := array(select s.session_id from delivery.agent_sessions s where s.tenant_id = p_tenant and s.parent_id = (p_filter ->> 'parent_id')::uuid);
    when p_filter ? 'agent_name' then
      v_ids := array(select s.session_id from delivery.agent_sessions s where s.tenant_id = p_tenant and s.agent_name = p_filter ->> 'agent_name');
    else
      v_ids := array(select s.session_id from delivery.agent_sessions s where s.tenant_id = p_tenant);
  end case;
  return query
  with matching as materialized (
    select s.* from delivery.agent_sessions s
    where s.tenant_id = p_tenant and s.session_id = any (v_ids)
      and (p_filter ->> 'agent_name' is null or s.agent_name = p_filter ->> 'agent_name')
      and (p_filter ->> 'workflow_id' is null or s.workflow_id = (p_filter ->> 'workflow_id')::uuid)
      and (p_filter ->> 'parent_id' is null or s.parent_id = (p_filter ->> 'parent_id')::uuid)
  ),
  merged as (
    select d.bucket, sum(d.duration_count) as duration_count
    from delivery.agent_session_durations d
    where d.tenant_id = p_tenant and d.session_id in (select m.session_id from matching m)
    group by d.bucket
  ),
  ranked as (
    select m.bucket, sum(m.duration_count) over (order by m.bucket) as reached, sum(m.duration_count) over () as total
    from merged m
  ),
  quantiles as (
    -- The rank of quantile q of n values is ceil(q n).
    select delivery.sketch_value(min(r.bucket) filter (where r.reached >= ceil(0.50 * r.total))) as p50,
      delivery.sketch_value(min(r.bucket) filter (where r.reached >= ceil(0.90 * r.total))) as p90,
      delivery.sketch_value(min(r.bucket) filter (where r.reached >= ceil(0.95 * r.total))) as p95,
      delivery.sketch_value(min(r.bucket) filter (where r.reached >= ceil(0.99 * r.total))) as p99
    from ranked r
  ),
  sums as (
    select count(*) as sessions, coalesce(sum(m.request_count), 0)::bigint as requests, coalesce(sum(m.success_count), 0)::bigint as successes,
      coalesce(sum(m.tokens_used), 0) as tokens, coalesce(sum(m.cost_usd), 0) as cost_usd,
      (sum(m.duration_us_sum) / nullif(sum(m.request_count), 0) / 1000)::double precision as mean_ms,
      min(m.duration_us_min) / 1000.0::double precision as min_ms, max(m.duration_us_max) / 1000.0::double precision as max_ms
    from matching m
  )
  -- The ends are known exactly: no percentile lies beyond them.
  select s.sessions, s.requests, s.successes, s.tokens, s.cost_usd, s.mean_ms, s.min_ms, s.max_ms,
    greatest(s.min_ms, least(s.max_ms, q.p50)), greatest(s.min_ms, least(s.max_ms, q.p90)),
    greatest(s.min_ms, least(s.max_ms, q.p95)), greatest(s.min_ms, least(s.max_ms, q.p99))
  from sums s
  cross join quantiles q;
end
$$;
comment on function delivery.agent_session_statistics(text, jsonb) is 'What agent sessions did together, with percentiles of their response times.';
revoke all on function delivery.agent_session_statistics(text, jsonb) from public;
grant execute on function delivery.agent_session_statistics(text, jsonb) to pgfleet_app;
