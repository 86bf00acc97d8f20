-- delivery.observe_pipeline_runs(tenant, facts, prefix): keeps what was told of these pipeline runs, when nothing later was
-- told before: of each the greatest `seen` wins, whatever the order in which they come. facts: a jsonb array; those of kind
-- 'run' have the columns of delivery.pipeline_runs. prefix: of delivery.audit_prefix(). The caller has locked the
-- repositories.
create or replace function delivery.observe_pipeline_runs(p_tenant text, p_facts jsonb, p_prefix text) returns void
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
    select distinct on (x.repository, x.run_id) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, run_id bigint, workflow_name text, event text, branch text, head_sha text, attempt integer,
        run_number bigint, status text, conclusion text, actor text, url text, created_at timestamptz, started_at timestamptz,
        updated_at timestamptz, seen text, kind text, actor_type text, actor_id text, correlation_id text)
    where x.kind = 'run'
    order by x.repository, x.run_id, x.seen collate "C" desc
  ),
  present as materialized (
    select g.repository, g.run_id, to_jsonb(b) as content
    from given g
    cross join lateral (select * from delivery.pipeline_runs r where r.tenant_id = p_tenant and r.repository = g.repository and r.run_id = g.run_id limit 1) b
  ),
  written as (
    insert into delivery.pipeline_runs as t (tenant_id, repository, run_id, workflow_name, event, branch, head_sha, attempt, run_number, status, conclusion, actor, url,
      created_at, started_at, updated_at, seen)
    select p_tenant, g.repository, g.run_id, g.workflow_name, g.event, g.branch, g.head_sha, g.attempt, g.run_number, g.status, g.conclusion,
      g.actor, g.url, g.created_at, g.started_at, g.updated_at, g.seen
    from given g
    order by g.repository, g.run_id
    on conflict (tenant_id, repository, run_id) do update
    set workflow_name = excluded.workflow_name, event = excluded.event, branch = excluded.branch, head_sha = excluded.head_sha,
      attempt = excluded.attempt, run_number = excluded.run_number, status = excluded.status, conclusion = excluded.conclusion,
      actor = excluded.actor, url = excluded.url, created_at = excluded.created_at, started_at = excluded.started_at,
      updated_at = excluded.updated_at, seen = excluded.seen
    where excluded.seen > t.seen
    returning t.repository, t.run_id, to_jsonb(t) as content
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (p_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'pipeline_run',
    w.repository || '#' || w.run_id::text, case when p.content is null then 'create' else 'update' end,
    g.actor_type, g.actor_id, g.correlation_id,
    coalesce((
      select jsonb_object_agg(f.key, case when p.content is null then f.value else jsonb_build_array(p.content -> f.key, f.value) end)
      from jsonb_each(w.content) f
      where f.key not in ('tenant_id', 'seen') and f.value is distinct from coalesce(p.content -> f.key, 'null'::jsonb)
    ), '{}'::jsonb)
  from written w
  join given g on g.repository = w.repository and g.run_id = w.run_id
  left join present p on p.repository = w.repository and p.run_id = w.run_id;
end
$$;
comment on function delivery.observe_pipeline_runs(text, jsonb, text) is 'Keeps the latest that was told of pipeline runs.';
revoke all on function delivery.observe_pipeline_runs(text, jsonb, text) from public;
grant execute on function delivery.observe_pipeline_runs(text, jsonb, text) to pgfleet_app;
