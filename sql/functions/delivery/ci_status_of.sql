-- delivery.ci_status_of(repository, sha): what the checks of a commit come to in the tenant that was entered, null when none are known: of each check
-- the last run, or, where there are no check runs, of each workflow. One failure is a failure; what is under way is running;
-- what was cancelled is cancelled; skipped only when all were.
create or replace function delivery.ci_status_of(p_repository text, p_sha text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
-- Planned for the table as it is: a plan made while it was empty would outlive that by a whole import.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
  v_status text;
begin
  with runs as (
    select distinct on (c.app, c.name) c.status, c.conclusion
    from delivery.checks c
    where c.tenant_id = v_tenant and c.repository = p_repository and c.head_sha = p_sha and c.check_kind = 'run'
    order by c.app, c.name, c.check_id desc
  ),
  workflows as (
    select distinct on (r.workflow_name, r.event) r.status, r.conclusion
    from delivery.pipeline_runs r
    where r.tenant_id = v_tenant and r.repository = p_repository and r.head_sha = p_sha
    order by r.workflow_name, r.event, r.run_id desc
  ),
  parts as (
    select r.status, r.conclusion from runs r
    union all
    select w.status, w.conclusion from workflows w where not exists (select from runs r)
  )
  select case
      when count(*) = 0 then null
      when bool_or(p.conclusion in ('failure', 'timed_out', 'action_required', 'startup_failure', 'stale')) then 'failure'
      when bool_or(p.status <> 'completed') and bool_or(p.status in ('in_progress', 'completed')) then 'running'
      when bool_or(p.status <> 'completed') then 'pending'
      when bool_or(p.conclusion = 'cancelled') then 'cancelled'
      when bool_and(p.conclusion = 'skipped') then 'skipped'
      else 'success'
    end
  into v_status
  from parts p;
  return v_status;
end
$$;
comment on function delivery.ci_status_of(text, text) is 'What the checks of a commit come to.';
revoke all on function delivery.ci_status_of(text, text) from public;
grant execute on function delivery.ci_status_of(text, text) to pgfleet_app;
