-- delivery.agent_performance_dashboard: one row an agent: its sessions, requests, tokens, cost and response times, the latter within 1 %
-- from the merged sketches of its sessions.
drop view if exists delivery.agent_performance_dashboard;
create view delivery.agent_performance_dashboard with (security_invoker = true) as
select
  s.tenant_id, s.agent_name, s.agent_type, s.sessions, s.live_sessions, s.requests, s.successes,
  s.successes::double precision / nullif(s.requests, 0) as success_rate,
  s.tokens, s.cost_usd, s.cost_usd / nullif(s.requests, 0) as cost_per_request_usd,
  s.duration_us / nullif(s.requests, 0) / 1000 as mean_response_ms,
  greatest(s.least_ms, least(s.most_ms, q.p50)) as p50_response_ms,
  greatest(s.least_ms, least(s.most_ms, q.p95)) as p95_response_ms,
  s.last_activity_at
from (
  select a.tenant_id, a.agent_name, a.agent_type, count(*) as sessions,
    count(*) filter (where a.ended_at is null and a.live_until > now()) as live_sessions,
    sum(a.request_count)::bigint as requests, sum(a.success_count)::bigint as successes, sum(a.tokens_used)::bigint as tokens,
    sum(a.cost_usd)::double precision as cost_usd, sum(a.duration_us_sum)::double precision as duration_us,
    min(a.duration_us_min) / 1000.0::double precision as least_ms, max(a.duration_us_max) / 1000.0::double precision as most_ms,
    max(a.last_activity_at) as last_activity_at
  from delivery.agent_sessions a
  group by a.tenant_id, a.agent_name, a.agent_type
) s
left join (
  select r.tenant_id, r.agent_name, r.agent_type,
    delivery.sketch_value(min(r.bucket) filter (where r.reached >= ceil(0.5 * r.total))) as p50,
    delivery.sketch_value(min(r.bucket) filter (where r.reached >= ceil(0.95 * r.total))) as p95
  from (
    select m.*,
      sum(m.durations) over (partition by m.tenant_id, m.agent_name, m.agent_type order by m.bucket) as reached,
      sum(m.durations) over (partition by m.tenant_id, m.agent_name, m.agent_type) as total
    from (
      select a.tenant_id, a.agent_name, a.agent_type, d.bucket, sum(d.duration_count) as durations
      from delivery.agent_sessions a
      join delivery.agent_session_durations d on d.tenant_id = a.tenant_id and d.session_id = a.session_id
      group by a.tenant_id, a.agent_name, a.agent_type, d.bucket
    ) m
  ) r
  group by r.tenant_id, r.agent_name, r.agent_type
) q on q.tenant_id = s.tenant_id and q.agent_name = s.agent_name and q.agent_type = s.agent_type;
comment on view delivery.agent_performance_dashboard is 'One row an agent: sessions, requests, tokens, cost, response times.';
grant select on delivery.agent_performance_dashboard to pgfleet_app;
