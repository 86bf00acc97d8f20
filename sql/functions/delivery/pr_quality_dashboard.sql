-- delivery.pr_quality_dashboard: one row a repository: its pull requests, how they are judged, and how long merging takes. Ready to merge is
-- open, mergeable, approved, CI a success and the security scan passed. A quality issue is coverage below 80, quality below 70,
-- CI or the security scan failed; what was never measured is no issue. Complexity is 0.4 for 10 files or more and 0.6 for
-- 1,000 lines or more, less in proportion.
drop view if exists delivery.pr_quality_dashboard;
create view delivery.pr_quality_dashboard with (security_invoker = true) as
select
  p.tenant_id, p.repository, count(*) as pull_requests,
  count(*) filter (where p.status = 'draft') as draft,
  count(*) filter (where p.status = 'open') as open,
  count(*) filter (where p.status = 'merged') as merged,
  count(*) filter (where p.status = 'closed') as closed,
  (avg(case when p.status in ('merged', 'closed') then (p.status = 'merged')::integer end))::double precision as merge_rate,
  count(*) filter (where p.status = 'open' and p.merge_status = 'mergeable' and p.review_status = 'approved'
    and p.ci_status = 'success' and p.security_status = 'passed') as ready_to_merge,
  count(*) filter (where coalesce(p.coverage < 80, false) or coalesce(p.quality < 70, false)
    or p.ci_status = 'failure' or p.security_status = 'failed') as with_quality_issues,
  (avg(p.coverage))::double precision as mean_coverage,
  (avg(p.quality))::double precision as mean_quality,
  (avg(case when p.ci_status in ('success', 'failure') then (p.ci_status = 'success')::integer end))::double precision as ci_success_rate,
  avg(0.4 * least(p.files_changed / 10.0, 1) + 0.6 * least((p.lines_added::bigint + p.lines_deleted) / 1000.0, 1))::double precision as mean_complexity,
  (avg(extract(epoch from p.merged_at - p.opened_at)))::double precision / 3600 as mean_hours_to_merge,
  (percentile_cont(0.5) within group (order by extract(epoch from p.merged_at - p.opened_at)::double precision)) / 3600 as p50_hours_to_merge
from delivery.pull_requests p
group by p.tenant_id, p.repository;
comment on view delivery.pr_quality_dashboard is 'One row a repository: its pull requests, their quality, and how long merging takes.';
grant select on delivery.pr_quality_dashboard to pgfleet_app;
