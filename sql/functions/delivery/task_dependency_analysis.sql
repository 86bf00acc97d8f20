-- delivery.task_dependency_analysis: one row a task: how deep it lies in its workflow, what it waits for and what waits for it. The
-- depth is the longest way from a task that depends on none, which has depth 0. Read it for one workflow.
drop view if exists delivery.task_dependency_analysis;
create view delivery.task_dependency_analysis with (security_invoker = true) as
select
  t.tenant_id, t.workflow_id, t.task_number, t.name, t.task_type, t.status, x.depth,
  cardinality(t.dependencies) as dependencies, cardinality(t.dependents) as dependents,
  t.waits_for as unfinished_dependencies,
  t.status = 'pending' and t.waits_for > 0 as is_blocked,
  t.is_critical, t.is_optional
from delivery.workflows w
cross join lateral (
  with recursive reached as (
    select r.task_number, 0 as depth
    from delivery.workflow_tasks r
    where r.tenant_id = w.tenant_id and r.workflow_id = w.workflow_id and r.dependencies = '{}'
    -- Not all: however many ways lead to a task, each depth of it is followed once.
    union
    select n.task_number, r.depth + 1
    from reached r
    join delivery.workflow_tasks t on t.tenant_id = w.tenant_id and t.workflow_id = w.workflow_id and t.task_number = r.task_number
    cross join lateral unnest(t.dependents) as n(task_number)
  )
  select r.task_number, max(r.depth) as depth from reached r group by r.task_number
) x
join delivery.workflow_tasks t on t.tenant_id = w.tenant_id and t.workflow_id = w.workflow_id and t.task_number = x.task_number;
comment on view delivery.task_dependency_analysis is 'One row a task: depth, dependencies and dependents.';
grant select on delivery.task_dependency_analysis to pgfleet_app;
