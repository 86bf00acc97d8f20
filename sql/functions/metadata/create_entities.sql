-- metadata.create_entities(tenant, items): creates entities and returns them in order. Idempotent by id: one that is there is
-- returned as it is. items: a jsonb array of {id uuid, name text, sync_group text, channel text, load_priority integer,
-- expire_after_update_ms bigint, expire_after_creation_ms bigint, agent text}; the agent may insert in the group.
-- An expired entity of the same name gives way.
-- Errors: PF001..PF003 (platform.enter), PF091 unknown group, PF092 the name is another entity's, PF094 not allowed; they
-- name `entities[i]` and a member. 40001 when the name was taken at the same moment: repeat.
create or replace function metadata.create_entities(p_tenant text, p_items jsonb)
returns table (ordinal integer, entity_id uuid, name text, sync_group text, channel text, load_priority integer, expire_after_update_ms bigint,
  expire_after_creation_ms bigint, created_at timestamptz, updated_at timestamptz, created_by text, updated_by text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_wrong record;
  v_made uuid[];
begin
  perform platform.enter(p_tenant);
  perform metadata.drop_entities(p_tenant, array(
    select e.entity_id
    from jsonb_to_recordset(p_items) as x(id uuid, name text)
    join metadata.entities e on e.tenant_id = p_tenant and (e.name = x.name)
    where metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
  ), true, null);
  select x.ordinality - 1 as place, x.name, x.sync_group, x.agent, g.sync_group is null as is_groupless,
    x.agent is not null and r.can_insert is not true as is_forbidden, e.entity_id
  into v_wrong
  from rows from (jsonb_to_recordset(p_items) as (id uuid, name text, sync_group text, agent text)) with ordinality as x
  left join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = x.sync_group
  left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = x.agent and r.sync_group = x.sync_group
  left join metadata.entities e on e.tenant_id = p_tenant and e.name = x.name and e.entity_id <> x.id
    and not exists (select from metadata.entities s where s.tenant_id = p_tenant and s.entity_id = x.id)
  where g.sync_group is null or (x.agent is not null and r.can_insert is not true) or e.entity_id is not null
  order by x.ordinality
  limit 1;
  if v_wrong.is_groupless then
    raise exception 'there is no sync group %', quote_literal(v_wrong.sync_group)
      using errcode = 'PF091', column = format('entities[%s].syncGroup', v_wrong.place);
  elsif v_wrong.is_forbidden then
    raise exception 'agent % may not insert in sync group %', quote_literal(v_wrong.agent), quote_literal(v_wrong.sync_group)
      using errcode = 'PF094', column = format('entities[%s].syncGroup', v_wrong.place);
  elsif v_wrong.entity_id is not null then
    raise exception 'there is an entity % already, with the id %', quote_literal(v_wrong.name), v_wrong.entity_id
      using errcode = 'PF092', column = format('entities[%s].name', v_wrong.place);
  end if;
  -- In the order of the names: two batches that create the same ones wait for each other.
  with made as (
    insert into metadata.entities (tenant_id, entity_id, name, sync_group, channel, load_priority, expire_after_update_ms, expire_after_creation_ms,
      created_at, updated_at, created_by, updated_by)
    select p_tenant, x.id, x.name, x.sync_group, x.channel, coalesce(x.load_priority, 1), x.expire_after_update_ms, x.expire_after_creation_ms,
      v_now, v_now, x.agent, x.agent
    from rows from (
      jsonb_to_recordset(p_items) as (
        id uuid, name text, sync_group text, channel text, load_priority integer, expire_after_update_ms bigint, expire_after_creation_ms bigint, agent text
      )
    ) with ordinality as x
    order by x.name, x.ordinality
    on conflict do nothing
    returning entity_id
  )
  select array_agg(m.entity_id) into v_made from made m;
  select x.ordinality - 1 as place, x.name, e.entity_id, e.sync_group into v_wrong
  from rows from (jsonb_to_recordset(p_items) as (id uuid, name text)) with ordinality as x
  left join metadata.entities e on e.tenant_id = p_tenant and e.name = x.name
  where not exists (select from metadata.entities s where s.tenant_id = p_tenant and s.entity_id = x.id)
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'there is an entity % already, with the id %', quote_literal(v_wrong.name), v_wrong.entity_id
      using errcode = 'PF092', column = format('entities[%s].name', v_wrong.place);
  end if;
  if v_made is not null then
    perform metadata.record_changes(p_tenant, 'entities', v_made, null, array(
      select x.agent from unnest(v_made) m(id) join jsonb_to_recordset(p_items) as x(id uuid, agent text) on x.id = m.id
    ), false);
  end if;
  return query
  select x.ordinality::integer, e.entity_id, e.name, e.sync_group, e.channel, e.load_priority, e.expire_after_update_ms,
    e.expire_after_creation_ms, e.created_at, e.updated_at, e.created_by, e.updated_by
  from rows from (jsonb_to_recordset(p_items) as (id uuid)) with ordinality as x
  join metadata.entities e on e.tenant_id = p_tenant and e.entity_id = x.id;
end
$$;
comment on function metadata.create_entities(text, jsonb) is 'Creates many entities; idempotent by id.';
revoke all on function metadata.create_entities(text, jsonb) from public;
grant execute on function metadata.create_entities(text, jsonb) to pgfleet_app;
