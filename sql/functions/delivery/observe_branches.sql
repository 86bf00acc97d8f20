-- delivery.observe_branches(tenant, facts, prefix): keeps what was told of these branches, when nothing later was
-- told before: of each the greatest `seen` wins, whatever the order in which they come. facts: a jsonb array; those of kind
-- 'push' have the columns of delivery.branches. prefix: of delivery.audit_prefix(). The caller has locked the
-- repositories.
create or replace function delivery.observe_branches(p_tenant text, p_facts jsonb, p_prefix text) returns void
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
    select distinct on (x.repository, x.ref) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, ref text, head_sha text, before_sha text, pusher text, commits integer, is_forced boolean,
        is_deleted boolean, compare_url text, pushed_at timestamptz, seen text, kind text, actor_type text, actor_id text,
        correlation_id text)
    where x.kind = 'push'
    order by x.repository, x.ref, x.seen collate "C" desc
  ),
  present as materialized (
    select g.repository, g.ref, to_jsonb(b) as content
    from given g
    cross join lateral (select * from delivery.branches r where r.tenant_id = p_tenant and r.repository = g.repository and r.ref = g.ref limit 1) b
  ),
  written as (
    insert into delivery.branches as t (tenant_id, repository, ref, head_sha, before_sha, pusher, commits, is_forced, is_deleted, compare_url, pushed_at, seen)
    select p_tenant, g.repository, g.ref, g.head_sha, g.before_sha, g.pusher, g.commits, g.is_forced, g.is_deleted, g.compare_url,
      g.pushed_at, g.seen
    from given g
    order by g.repository, g.ref
    on conflict (tenant_id, repository, ref) do update
    set head_sha = excluded.head_sha, before_sha = excluded.before_sha, pusher = excluded.pusher, commits = excluded.commits,
      is_forced = excluded.is_forced, is_deleted = excluded.is_deleted, compare_url = excluded.compare_url,
      pushed_at = excluded.pushed_at, seen = excluded.seen
    where excluded.seen > t.seen
    returning t.repository, t.ref, to_jsonb(t) as content
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (p_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'branch',
    w.repository || '#' || w.ref, case when p.content is null then 'create' else 'update' end,
    g.actor_type, g.actor_id, g.correlation_id,
    coalesce((
      select jsonb_object_agg(f.key, case when p.content is null then f.value else jsonb_build_array(p.content -> f.key, f.value) end)
      from jsonb_each(w.content) f
      where f.key not in ('tenant_id', 'seen') and f.value is distinct from coalesce(p.content -> f.key, 'null'::jsonb)
    ), '{}'::jsonb)
  from written w
  join given g on g.repository = w.repository and g.ref = w.ref
  left join present p on p.repository = w.repository and p.ref = w.ref;
end
$$;
comment on function delivery.observe_branches(text, jsonb, text) is 'Keeps the latest that was told of branches.';
revoke all on function delivery.observe_branches(text, jsonb, text) from public;
grant execute on function delivery.observe_branches(text, jsonb, text) to pgfleet_app;
