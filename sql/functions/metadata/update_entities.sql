-- metadata.update_entities(tenant, items): renames, moves and changes entities, one after the other, and returns them as they
-- are then. items: a jsonb array of {name text, agent text, changes jsonb}; of changes each member that is there is set: name,
-- sync_group, channel (null: none), load_priority, expire_after_update_ms and expire_after_creation_ms (null: never).
-- A move to another group needs the right to delete in the old and to insert in the new one, all else the right to update.
-- Errors: PF001..PF003 (platform.enter), PF090 unknown entity, PF091 unknown group, PF092 the name is another entity's,
-- PF094 not allowed; they name `changes[i]` and a member.
create or replace function metadata.update_entities(p_tenant text, p_items jsonb)
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
  v_item record;
  v_old metadata.entities;
  v_new metadata.entities;
  v_role metadata.roles;
  v_field text;
  v_groups text[] := '{}';
begin
  perform platform.enter(p_tenant);
  -- Entities and their entries are locked in order: a write that began before is waited for, one that comes later finds the
  -- entity where it has been moved to.
  perform from metadata.entities e
  where e.tenant_id = p_tenant and e.name = any (array(select x.name from jsonb_to_recordset(p_items) as x(name text)))
  order by e.entity_id
  for update;
  perform from jsonb_to_recordset(p_items) as x(name text, changes jsonb)
  join metadata.entities n on n.tenant_id = p_tenant and n.name = x.name
  join metadata.volatile_entries e on e.tenant_id = p_tenant and e.entity_id = n.entity_id
  where x.changes ?| array['name', 'sync_group', 'channel']
  order by e.entity_id, e.key
  for update of e;
  perform from jsonb_to_recordset(p_items) as x(name text, changes jsonb)
  join metadata.entities n on n.tenant_id = p_tenant and n.name = x.name
  join metadata.entries e on e.tenant_id = p_tenant and e.entity_id = n.entity_id
  where x.changes ?| array['name', 'sync_group', 'channel']
  order by e.entity_id, e.key
  for update of e;
  for v_item in
    select x.ordinality::integer as place, x.name, x.agent, x.changes
    from rows from (jsonb_to_recordset(p_items) as (name text, agent text, changes jsonb)) with ordinality as x
    order by x.ordinality
  loop
    v_field := format('changes[%s]', v_item.place - 1);
    select e.* into v_old from metadata.entities e
    where e.tenant_id = p_tenant and e.name = v_item.name
      and not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
    -- One that came by this name after the others were locked is not locked yet.
    for update;
    if not found then
      raise exception 'there is no entity %', quote_literal(v_item.name) using errcode = 'PF090', column = v_field || '.name';
    end if;
    v_new := jsonb_populate_record(v_old, v_item.changes - array['tenant_id', 'entity_id', 'version_floor', 'created_at', 'created_by']);
    v_new.updated_at := v_now;
    v_new.updated_by := v_item.agent;
    if v_new.sync_group <> v_old.sync_group and not exists (
      select from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = v_new.sync_group
    ) then
      raise exception 'there is no sync group %', quote_literal(v_new.sync_group) using errcode = 'PF091', column = v_field || '.syncGroup';
    end if;
    if v_new.sync_group <> v_old.sync_group and exists (
      select from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = v_old.sync_group and g.durability = 'volatile'
    ) then
      -- Waits for all who write volatile entries: none of them may come after a durable write of the same version.
      lock table metadata.volatile_entries in share row exclusive mode;
    end if;
    if v_item.agent is not null then
      select r.* into v_role from metadata.roles r
      where r.tenant_id = p_tenant and r.agent_id = v_item.agent and r.sync_group = v_old.sync_group;
      if v_new.sync_group = v_old.sync_group or v_item.changes - 'sync_group' <> '{}' then
        if v_role.can_update is not true then
          raise exception 'agent % may not update in sync group %', quote_literal(v_item.agent), quote_literal(v_old.sync_group)
            using errcode = 'PF094', column = v_field || '.name';
        end if;
      end if;
      if v_new.sync_group <> v_old.sync_group and (v_role.can_delete is not true or not exists (
        select from metadata.roles r
        where r.tenant_id = p_tenant and r.agent_id = v_item.agent and r.sync_group = v_new.sync_group and r.can_insert
      )) then
        raise exception 'agent % may not move entities from sync group % to %', quote_literal(v_item.agent), quote_literal(v_old.sync_group), quote_literal(v_new.sync_group)
          using errcode = 'PF094', column = v_field || '.syncGroup';
      end if;
    end if;
    if v_new.name <> v_old.name and exists (select from metadata.entities e where e.tenant_id = p_tenant and e.name = v_new.name) then
      raise exception 'there is an entity % already', quote_literal(v_new.name) using errcode = 'PF092', column = v_field || '.rename';
    end if;
    if v_new is distinct from v_old then
      -- Writers that looked up the entity before now find that it was counted, and look again.
      if (v_new.name, v_new.sync_group, v_new.channel) is distinct from (v_old.name, v_old.sync_group, v_old.channel) then
        v_groups := v_groups || array[v_old.sync_group, v_new.sync_group];
        -- Whoever follows the old name, group or channel learns that the entity has left it.
        perform metadata.record_changes(p_tenant, 'entities', array[v_old.entity_id], null, array[v_item.agent], false);
      end if;
      update metadata.entities e
      set name = v_new.name, sync_group = v_new.sync_group, channel = v_new.channel, load_priority = v_new.load_priority,
        expire_after_update_ms = v_new.expire_after_update_ms, expire_after_creation_ms = v_new.expire_after_creation_ms,
        updated_at = v_now, updated_by = v_new.updated_by
      where e.tenant_id = p_tenant and e.entity_id = v_old.entity_id;
      perform metadata.record_changes(p_tenant, 'entities', array[v_old.entity_id], null, array[v_item.agent], false);
    end if;
    return query
    select v_item.place, e.entity_id, e.name, e.sync_group, e.channel, e.load_priority, e.expire_after_update_ms,
    e.expire_after_creation_ms, e.created_at, e.updated_at, e.created_by, e.updated_by
    from metadata.entities e where e.tenant_id = p_tenant and e.entity_id = v_old.entity_id;
  end loop;
  if v_groups <> '{}' then
    perform from metadata.sync_groups g
    where g.tenant_id = p_tenant and g.sync_group = any (v_groups)
    order by g.sync_group
    for no key update;
    update metadata.sync_groups g set move_count = g.move_count + 1 where g.tenant_id = p_tenant and g.sync_group = any (v_groups);
  end if;
end
$$;
comment on function metadata.update_entities(text, jsonb) is 'Renames, moves and changes many entities.';
revoke all on function metadata.update_entities(text, jsonb) from public;
grant execute on function metadata.update_entities(text, jsonb) to pgfleet_app;
