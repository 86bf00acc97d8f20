-- delivery.pr_workflow_integration: one row a pull request that a workflow or a session of an agent belongs to, with how those stand.
drop view if exists delivery.pr_workflow_integration;
create view delivery.pr_workflow_integration with (security_invoker = true) as
select
  p.tenant_id, p.pull_request_id, p.repository, p.number, p.title, p.status, p.ci_status, p.review_status,
  p.workflow_id, d.name as workflow_name, w.status as workflow_status,
  case
    when w.status = 'completed' then 100
    when w.task_count = 0 then 0
    else 100.0::double precision * (w.task_count - w.open_tasks) / w.task_count
  end as workflow_progress_percent,
  p.session_id, s.agent_name, s.status as session_status,
  extract(epoch from coalesce(p.merged_at, p.closed_at, now()) - p.opened_at)::double precision / 3600 as hours_open
from delivery.pull_requests p
left join delivery.workflows w on w.tenant_id = p.tenant_id and w.workflow_id = p.workflow_id
left join delivery.workflow_details d on d.tenant_id = p.tenant_id and d.workflow_id = p.workflow_id
left join delivery.agent_sessions s on s.tenant_id = p.tenant_id and s.session_id = p.session_id
where p.workflow_id is not null or p.session_id is not null;
comment on view delivery.pr_workflow_integration is 'One row a pull request of a workflow or of an agent, with how those stand.';
grant select on delivery.pr_workflow_integration to pgfleet_app;
