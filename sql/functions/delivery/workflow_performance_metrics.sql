-- delivery.workflow_performance_metrics: one row a type of workflow and environment: how they end, and how long they take. Rates are of
-- those that ran to an end of their own (completed, failed or timed out); durations are of completed ones.
drop view if exists delivery.workflow_performance_metrics;
create view delivery.workflow_performance_metrics with (security_invoker = true) as
select
  x.*,
  x.success_rate_7d - x.success_rate_7d_before as success_rate_change
from (
  select
    w.tenant_id, d.workflow_type, d.environment, count(*) as workflows,
    count(*) filter (where w.status in ('pending', 'running', 'paused')) as unfinished,
    count(*) filter (where w.status = 'completed') as completed,
    count(*) filter (where w.status = 'failed') as failed,
    count(*) filter (where w.status = 'timeout') as timed_out,
    count(*) filter (where w.status = 'cancelled') as cancelled,
    (avg(e.success))::double precision as success_rate,
    avg(e.duration_ms) as mean_duration_ms,
    percentile_cont(0.5) within group (order by e.duration_ms) as p50_duration_ms,
    percentile_cont(0.95) within group (order by e.duration_ms) as p95_duration_ms,
    -- 0.2 is off by a fifth of the estimate, in either direction.
    avg(abs(e.duration_ms - d.estimate_ms) / nullif(d.estimate_ms, 0)) as mean_estimate_error,
    (avg(e.success) filter (where w.ended_at > now() - interval '7 days'))::double precision as success_rate_7d,
    (avg(e.success) filter (where w.ended_at > now() - interval '14 days' and w.ended_at <= now() - interval '7 days'))::double precision
      as success_rate_7d_before
  from delivery.workflows w
  join delivery.workflow_details d on d.tenant_id = w.tenant_id and d.workflow_id = w.workflow_id
  cross join lateral (
    select
      case when w.status in ('completed', 'failed', 'timeout') then (w.status = 'completed')::integer end as success,
      case when w.status = 'completed' then extract(epoch from w.ended_at - w.started_at)::double precision * 1000 end as duration_ms
  ) e
  group by w.tenant_id, d.workflow_type, d.environment
) x;
comment on view delivery.workflow_performance_metrics is 'One row a type of workflow and environment: success rate, durations, error of the estimates, change of the week.';
grant select on delivery.workflow_performance_metrics to pgfleet_app;
