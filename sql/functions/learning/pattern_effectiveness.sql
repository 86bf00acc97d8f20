-- learning.pattern_effectiveness: one row a live pattern: its counters as they are now, its trajectories as of the last
-- refresh_materialized_views.
drop view if exists learning.pattern_effectiveness;
create view learning.pattern_effectiveness with (security_invoker = true) as
select
  p.tenant_id, p.pattern_id, p.agent_type, p.pattern_name, p.version, p.usage_count, p.success_count, p.failure_count,
  case when p.success_count + p.failure_count = 0 then null
    else p.success_count::double precision / (p.success_count + p.failure_count) end as success_rate,
  p.average_reward, p.confidence, coalesce(o.trajectories_using_pattern, 0) as trajectories_using_pattern,
  extract(epoch from now() - p.last_used_at) / 86400 as days_since_used, o.refreshed_at
from learning.patterns p
left join learning.pattern_outcomes o on o.tenant_id = p.tenant_id and o.pattern_id = p.pattern_id
where p.expires_at > now();
comment on view learning.pattern_effectiveness is 'One row a live pattern: how it was used and how it did.';
grant select on learning.pattern_effectiveness to pgfleet_app;
