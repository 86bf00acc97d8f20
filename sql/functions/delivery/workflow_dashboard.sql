-- delivery.workflow_dashboard: one row a workflow, with its progress and what works on it. Sessions and pull requests are
-- counted apart, so that neither multiplies the other.
drop view if exists delivery.workflow_dashboard;
create view delivery.workflow_dashboard with (security_invoker = true) as
select
  w.tenant_id, w.workflow_id, d.name, d.workflow_type, d.environment, w.status, w.priority,
  w.task_count, w.open_tasks, w.completed_tasks, w.failed_tasks, w.skipped_tasks, w.cancelled_tasks,
  case
    when w.status = 'completed' then 100
    when w.task_count = 0 then 0
    else 100.0::double precision * (w.task_count - w.open_tasks) / w.task_count
  end as progress_percent,
  w.created_at, w.started_at, w.ended_at, t.duration_ms, d.estimate_ms,
  t.duration_ms - d.estimate_ms as variance_ms,
  -- An estimate of nothing is exceeded by anything.
  coalesce(t.duration_ms > 1.2 * d.estimate_ms, false) as is_overdue,
  s.sessions, s.live_sessions, p.pull_requests, p.merged_pull_requests
from delivery.workflows w
join delivery.workflow_details d on d.tenant_id = w.tenant_id and d.workflow_id = w.workflow_id
-- Until its end a workflow that has started lasts; one that never started has no duration.
cross join lateral (
  select extract(epoch from coalesce(w.ended_at, now()) - w.started_at)::double precision * 1000 as duration_ms
) t
cross join lateral (
  select count(*) as sessions, count(*) filter (where a.ended_at is null and a.live_until > now()) as live_sessions
  from delivery.agent_sessions a
  where a.tenant_id = w.tenant_id and a.workflow_id = w.workflow_id
) s
left join (
  select r.tenant_id, r.workflow_id, count(*) as pull_requests, count(*) filter (where r.status = 'merged') as merged_pull_requests
  from delivery.pull_requests r
  where r.workflow_id is not null
  group by r.tenant_id, r.workflow_id
) c on c.tenant_id = w.tenant_id and c.workflow_id = w.workflow_id
cross join lateral (
  select coalesce(c.pull_requests, 0) as pull_requests, coalesce(c.merged_pull_requests, 0) as merged_pull_requests
) p;
comment on view delivery.workflow_dashboard is 'One row a workflow: progress, duration against its estimate, sessions and pull requests.';
grant select on delivery.workflow_dashboard to pgfleet_app;
