-- delivery.observe_checks(tenant, facts, prefix): keeps what was told of these checks, when nothing later was
-- told before: of each the greatest `seen` wins, whatever the order in which they come. facts: a jsonb array; those of kind
-- 'check' have the columns of delivery.checks. prefix: of delivery.audit_prefix(). The caller has locked the
-- repositories.
create or replace function delivery.observe_checks(p_tenant text, p_facts jsonb, p_prefix text) returns void
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
    select distinct on (x.repository, x.check_kind, x.check_id) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, check_kind text, check_id bigint, name text, app text, branch text, head_sha text, status text,
        conclusion text, url text, started_at timestamptz, completed_at timestamptz, seen text, kind text, actor_type text,
        actor_id text, correlation_id text)
    where x.kind = 'check'
    order by x.repository, x.check_kind, x.check_id, x.seen collate "C" desc
  ),
  present as materialized (
    select g.repository, g.check_kind, g.check_id, to_jsonb(b) as content
    from given g
    cross join lateral (select * from delivery.checks r where r.tenant_id = p_tenant and r.repository = g.repository and r.check_kind = g.check_kind and r.check_id = g.check_id limit 1) b
  ),
  written as (
    insert into delivery.checks as t (tenant_id, repository, check_kind, check_id, name, app, branch, head_sha, status, conclusion, url, started_at, completed_at, seen)
    select p_tenant, g.repository, g.check_kind, g.check_id, g.name, g.app, g.branch, g.head_sha, g.status, g.conclusion, g.url, g.started_at,
      g.completed_at, g.seen
    from given g
    order by g.repository, g.check_kind, g.check_id
    on conflict (tenant_id, repository, check_kind, check_id) do update
    set name = excluded.name, app = excluded.app, branch = excluded.branch, head_sha = excluded.head_sha,
      status = excluded.status, conclusion = excluded.conclusion, url = excluded.url, started_at = excluded.started_at,
      completed_at = excluded.completed_at, seen = excluded.seen
    where excluded.seen > t.seen
    returning t.repository, t.check_kind, t.check_id, to_jsonb(t) as content
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (p_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'check',
    w.repository || '#' || w.check_kind || '#' || w.check_id::text, case when p.content is null then 'create' else 'update' end,
    g.actor_type, g.actor_id, g.correlation_id,
    coalesce((
      select jsonb_object_agg(f.key, case when p.content is null then f.value else jsonb_build_array(p.content -> f.key, f.value) end)
      from jsonb_each(w.content) f
      where f.key not in ('tenant_id', 'seen') and f.value is distinct from coalesce(p.content -> f.key, 'null'::jsonb)
    ), '{}'::jsonb)
  from written w
  join given g on g.repository = w.repository and g.check_kind = w.check_kind and g.check_id = w.check_id
  left join present p on p.repository = w.repository and p.check_kind = w.check_kind and p.check_id = w.check_id;
end
$$;
comment on function delivery.observe_checks(text, jsonb, text) is 'Keeps the latest that was told of checks.';
revoke all on function delivery.observe_checks(text, jsonb, text) from public;
grant execute on function delivery.observe_checks(text, jsonb, text) to pgfleet_app;
