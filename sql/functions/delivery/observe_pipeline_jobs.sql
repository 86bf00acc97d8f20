-- delivery.observe_pipeline_jobs(tenant, facts, prefix): keeps what was told of these pipeline jobs, when nothing later was
-- told before: of each the greatest `seen` wins, whatever the order in which they come. facts: a jsonb array; those of kind
-- 'job' have the columns of delivery.pipeline_jobs. prefix: of delivery.audit_prefix(). The caller has locked the
-- repositories.
create or replace function delivery.observe_pipeline_jobs(p_tenant text, p_facts jsonb, p_prefix text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- Planned for the table as it is: a plan made while it was empty would outlive that by a whole import.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_mergejoin = off
-- What a batch holds is joined with itself; tables are looked into by key, which is lateral and can be nothing else.
set enable_nestloop = off
set enable_bitmapscan = off
set timezone = 'UTC'
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  with given as materialized (
    select distinct on (x.repository, x.job_id) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, job_id bigint, run_id bigint, attempt integer, name text, workflow_name text, branch text,
        head_sha text, status text, conclusion text, runner text, labels jsonb, url text, created_at timestamptz,
        started_at timestamptz, completed_at timestamptz, seen text, kind text, actor_type text, actor_id text,
        correlation_id text)
    where x.kind = 'job'
    order by x.repository, x.job_id, x.seen collate "C" desc
  ),
  present as materialized (
    select g.repository, g.job_id, to_jsonb(b) as content
    from given g
    cross join lateral (select * from delivery.pipeline_jobs r where r.tenant_id = p_tenant and r.repository = g.repository and r.job_id = g.job_id limit 1) b
  ),
  written as (
    insert into delivery.pipeline_jobs as t (tenant_id, repository, job_id, run_id, attempt, name, workflow_name, branch, head_sha, status, conclusion, runner, labels, url,
      created_at, started_at, completed_at, seen)
    select p_tenant, g.repository, g.job_id, g.run_id, g.attempt, g.name, g.workflow_name, g.branch, g.head_sha, g.status, g.conclusion,
      g.runner, g.labels, g.url, g.created_at, g.started_at, g.completed_at, g.seen
    from given g
    order by g.repository, g.job_id
    on conflict (tenant_id, repository, job_id) do update
    set run_id = excluded.run_id, attempt = excluded.attempt, name = excluded.name, workflow_name = excluded.workflow_name,
      branch = excluded.branch, head_sha = excluded.head_sha, status = excluded.status, conclusion = excluded.conclusion,
      runner = excluded.runner, labels = excluded.labels, url = excluded.url, created_at = excluded.created_at,
      started_at = excluded.started_at, completed_at = excluded.completed_at, seen = excluded.seen
    where excluded.seen > t.seen
    returning t.repository, t.job_id, to_jsonb(t) as content
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (p_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'pipeline_job',
    w.repository || '#' || w.job_id::text, case when p.content is null then 'create' else 'update' end,
    g.actor_type, g.actor_id, g.correlation_id,
    coalesce((
      select jsonb_object_agg(f.key, case when p.content is null then f.value else jsonb_build_array(p.content -> f.key, f.value) end)
      from jsonb_each(w.content) f
      where f.key not in ('tenant_id', 'seen') and f.value is distinct from coalesce(p.content -> f.key, 'null'::jsonb)
    ), '{}'::jsonb)
  from written w
  join given g on g.repository = w.repository and g.job_id = w.job_id
  left join present p on p.repository = w.repository and p.job_id = w.job_id;
end
$$;
comment on function delivery.observe_pipeline_jobs(text, jsonb, text) is 'Keeps the latest that was told of pipeline jobs.';
revoke all on function delivery.observe_pipeline_jobs(text, jsonb, text) from public;
grant execute on function delivery.observe_pipeline_jobs(text, jsonb, text) to pgfleet_app;
