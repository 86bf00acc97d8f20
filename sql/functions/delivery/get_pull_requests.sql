-- delivery.get_pull_requests(tenant, lookups): the pull requests of these ids, or repositories and numbers; nothing is returned
-- for one that is not there. lookups: a jsonb array of {id uuid} or {repository text, number integer}.
create or replace function delivery.get_pull_requests(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, changes jsonb,
  pull_request_id uuid, repository text, number integer, url text, title text, description text, branch text,
  base_branch text, head_sha text, status text, merge_status text, review_status text, approvals integer,
  ci_status text, security_status text, coverage numeric, quality numeric, lines_added integer, lines_deleted integer,
  files_changed integer, commits integer, author text, assignees jsonb, reviewers jsonb, labels jsonb, metadata jsonb,
  workflow_id uuid, session_id uuid, task text, opened_at timestamptz, merged_at timestamptz, closed_at timestamptz,
  version bigint, updated_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, null::jsonb,
    s.pull_request_id, s.repository, s.number, s.url, s.title, s.description, s.branch, s.base_branch, s.head_sha,
    s.status, s.merge_status, s.review_status, s.approvals, s.ci_status, s.security_status, s.coverage, s.quality,
    s.lines_added, s.lines_deleted, s.files_changed, s.commits, s.author, s.assignees, s.reviewers, s.labels,
    s.metadata, s.workflow_id, s.session_id, s.task, s.opened_at, s.merged_at, s.closed_at, s.version, s.updated_at
  from rows from (jsonb_to_recordset(p_lookups) as (id uuid, repository text, number integer)) with ordinality as x
  cross join lateral (
    (select * from delivery.pull_requests r where r.tenant_id = p_tenant and r.pull_request_id = x.id limit 1)
    union all
    (select * from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number limit 1)
  ) s;
end
$$;
comment on function delivery.get_pull_requests(text, jsonb) is 'The pull requests of many ids, or repositories and numbers.';
revoke all on function delivery.get_pull_requests(text, jsonb) from public;
grant execute on function delivery.get_pull_requests(text, jsonb) to pgfleet_app;
