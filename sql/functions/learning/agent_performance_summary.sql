-- learning.agent_performance_summary: one row an agent type, as of the last refresh_materialized_views.
drop view if exists learning.agent_performance_summary;
create view learning.agent_performance_summary with (security_invoker = true) as
select
  p.tenant_id, p.agent_type, p.sessions, p.trajectories, p.successes,
  case when p.trajectories = 0 then null else p.successes::double precision / p.trajectories end as success_rate,
  p.average_reward, p.cumulative_reward, p.average_execution_ms, p.patterns, p.q_values, p.average_visits,
  p.active_instances, p.last_active_at, p.refreshed_at
from learning.agent_performance p;
comment on view learning.agent_performance_summary is 'One row an agent type: sessions, trajectories, rewards, patterns, values; as of refreshed_at.';
grant select on learning.agent_performance_summary to pgfleet_app;
