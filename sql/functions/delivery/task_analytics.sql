-- delivery.task_analytics: one row a type of task: how they end, how often they are tried again, and how long they take. The rate
-- is of those that completed or failed.
drop view if exists delivery.task_analytics;
create view delivery.task_analytics with (security_invoker = true) as
select
  t.tenant_id, t.task_type, count(*) as tasks,
  count(*) filter (where t.status = 'pending') as unfinished,
  count(*) filter (where t.status = 'completed') as completed,
  count(*) filter (where t.status = 'failed') as failed,
  count(*) filter (where t.status = 'skipped') as skipped,
  count(*) filter (where t.status = 'cancelled') as cancelled,
  (avg(case when t.status in ('completed', 'failed') then (t.status = 'completed')::integer end))::double precision as success_rate,
  count(*) filter (where t.attempt > 1) as retried,
  (avg(t.attempt) filter (where t.status in ('completed', 'failed')))::double precision as mean_attempts,
  avg(e.duration_ms) as mean_duration_ms,
  percentile_cont(0.5) within group (order by e.duration_ms) as p50_duration_ms,
  percentile_cont(0.95) within group (order by e.duration_ms) as p95_duration_ms
from delivery.workflow_tasks t
cross join lateral (
  select case when t.status = 'completed' then extract(epoch from t.ended_at - t.started_at)::double precision * 1000 end as duration_ms
) e
group by t.tenant_id, t.task_type;
comment on view delivery.task_analytics is 'One row a type of task: how they end, retries, durations.';
grant select on delivery.task_analytics to pgfleet_app;
