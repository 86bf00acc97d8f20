-- delivery.observe_deployments(tenant, facts, prefix): keeps what was told of these deployments and their statuses, when nothing
-- later was told before: of a deployment the greatest `seen` wins, of its statuses the highest id, whatever the order in which
-- they come. facts: a jsonb array; those of kind 'deployment' have the columns of delivery.deployments before `status`, those of
-- kind 'deployment_status' the key and the others, and come with the deployment. prefix: of delivery.audit_prefix(). The caller
-- has locked the repositories.
create or replace function delivery.observe_deployments(p_tenant text, p_facts jsonb, p_prefix text) returns void
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
    select distinct on (x.repository, x.deployment_id) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, deployment_id bigint, environment text, ref text, sha text, task text,
      description text, creator text, url text, created_at timestamptz, seen text, kind text, actor_type text, actor_id text,
      correlation_id text)
    where x.kind = 'deployment'
    order by x.repository, x.deployment_id, x.seen collate "C" desc
  ),
  states as materialized (
    select distinct on (x.repository, x.deployment_id) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, deployment_id bigint, status text, status_id bigint, status_description text,
      status_url text, status_at timestamptz, kind text)
    where x.kind = 'deployment_status'
    order by x.repository, x.deployment_id, x.status_id desc
  ),
  present as materialized (
    select b.*
    from given g
    cross join lateral (select * from delivery.deployments r where r.tenant_id = p_tenant and r.repository = g.repository and r.deployment_id = g.deployment_id limit 1) b
  ),
  -- Of each half the later one.
  final as materialized (
    select g.repository, g.deployment_id, n.is_later, s.status_id is not null as has_status,
      case when n.is_later then g.environment else p.environment end as environment,
      case when n.is_later then g.ref else p.ref end as ref,
      case when n.is_later then g.sha else p.sha end as sha,
      case when n.is_later then g.task else p.task end as task,
      case when n.is_later then g.description else p.description end as description,
      case when n.is_later then g.creator else p.creator end as creator,
      case when n.is_later then g.url else p.url end as url,
      case when n.is_later then g.created_at else p.created_at end as created_at,
      case when n.is_later then g.seen else p.seen end as seen,
      coalesce(s.status, p.status, 'pending') as status, coalesce(s.status_id, p.status_id) as status_id,
      case when s.status_id is null then p.status_description else s.status_description end as status_description,
      case when s.status_id is null then p.status_url else s.status_url end as status_url,
      coalesce(s.status_at, p.status_at) as status_at,
      to_jsonb(p) as before, g.actor_type, g.actor_id, g.correlation_id
    from given g
    left join present p on p.repository = g.repository and p.deployment_id = g.deployment_id
    left join states s on s.repository = g.repository and s.deployment_id = g.deployment_id
      and (p.status_id is null or s.status_id > p.status_id)
    cross join lateral (select p.seen is null or g.seen > p.seen as is_later) n
    where n.is_later or s.status_id is not null
  ),
  written as (
    insert into delivery.deployments as t (tenant_id, repository, deployment_id, environment, ref, sha, task, description, creator, url,
      created_at, seen, status, status_id, status_description, status_url, status_at)
    select p_tenant, f.repository, f.deployment_id, f.environment, f.ref, f.sha, f.task, f.description, f.creator, f.url,
      f.created_at, f.seen, f.status, f.status_id, f.status_description, f.status_url, f.status_at
    from final f
    order by f.repository, f.deployment_id
    on conflict (tenant_id, repository, deployment_id) do update
    set environment = excluded.environment, ref = excluded.ref, sha = excluded.sha, task = excluded.task,
      description = excluded.description, creator = excluded.creator, url = excluded.url, created_at = excluded.created_at,
      seen = excluded.seen, status = excluded.status, status_id = excluded.status_id,
      status_description = excluded.status_description, status_url = excluded.status_url, status_at = excluded.status_at
    returning t.repository, t.deployment_id, to_jsonb(t) as content
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (p_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'deployment',
    w.repository || '#' || w.deployment_id::text, case when f.before is null then 'create' else 'update' end,
    f.actor_type, f.actor_id, f.correlation_id,
    coalesce((
      select jsonb_object_agg(c.key, case when f.before is null then c.value else jsonb_build_array(f.before -> c.key, c.value) end)
      from jsonb_each(w.content) c
      where c.key not in ('tenant_id', 'seen') and c.value is distinct from coalesce(f.before -> c.key, 'null'::jsonb)
    ), '{}'::jsonb)
  from written w
  join final f on f.repository = w.repository and f.deployment_id = w.deployment_id;
end
$$;
comment on function delivery.observe_deployments(text, jsonb, text) is 'Keeps the latest that was told of deployments and their statuses.';
revoke all on function delivery.observe_deployments(text, jsonb, text) from public;
grant execute on function delivery.observe_deployments(text, jsonb, text) to pgfleet_app;
