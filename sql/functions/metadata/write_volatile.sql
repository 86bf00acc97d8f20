-- metadata.write_volatile(tenant, items): writes entries by way of metadata.volatile_entries, and moves those on to
-- metadata.entries that are to outlive a crash. Part of metadata.write_entries, which has judged and locked them.
-- Errors: 40001 when a key was deleted, or a group changed, at the same moment: repeat.
create or replace function metadata.write_volatile(p_tenant text, p_items metadata.judged_entry[]) returns void
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
  v_written integer;
  v_count integer := (select count(*) from unnest(p_items) i where i.type is not null);
begin
  perform platform.enter(p_tenant);
  with written as (
    insert into metadata.volatile_entries as v (tenant_id, entity_id, key, version, updated_at, expires_at, is_deleted, updated_by,
      json_value, text_value, integer_value, float_value, boolean_value, bytes_value)
    select p_tenant, i.entity_id, i.key, i.version + 1, v_now, i.expires_at, i.type is null, i.agent_id,
      case when i.type = 'json' then i.value::jsonb end, case when i.type = 'text' then i.value end,
      case when i.type = 'integer' then i.value::bigint end, case when i.type = 'float' then i.value::double precision end,
      case when i.type = 'boolean' then i.value::boolean end, case when i.type = 'bytes' then decode(i.value, 'base64') end
    from unnest(p_items) i
    order by i.entity_id, i.key
    on conflict (tenant_id, entity_id, key) do update
    set version = greatest(v.version + 1, excluded.version), updated_at = excluded.updated_at, expires_at = excluded.expires_at,
      is_deleted = excluded.is_deleted, updated_by = excluded.updated_by, json_value = excluded.json_value, text_value = excluded.text_value,
      integer_value = excluded.integer_value, float_value = excluded.float_value, boolean_value = excluded.boolean_value,
      bytes_value = excluded.bytes_value
    -- A deletion of the same moment: whether the agent may set the key again has to be judged anew.
    where not v.is_deleted or v.version < excluded.version
    returning v.is_deleted
  )
  select count(*) filter (where not w.is_deleted) into v_written from written w;
  if v_written < v_count then
    raise exception 'a key was deleted while it was written' using errcode = '40001';
  end if;
  -- The group may have been made durable, or the entity moved to one that is; who does that waits for all who write here.
  if exists (
    select from unnest(p_items) i
    join metadata.entities e on e.tenant_id = p_tenant and e.entity_id = i.entity_id
    join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = e.sync_group
    where i.durability = 'volatile' and g.durability <> 'volatile'
  ) then
    raise exception 'a group is not volatile any more' using errcode = '40001';
  end if;
  -- A merge may have taken a row away after this statement had looked: the new one goes above what it left.
  update metadata.volatile_entries v
  set version = e.version + 1
  from unnest(p_items) i
  join metadata.entries e on e.tenant_id = p_tenant and e.entity_id = i.entity_id and e.key = i.key
  where v.tenant_id = p_tenant and v.entity_id = i.entity_id and v.key = i.key and e.version >= v.version;
  if exists (select from unnest(p_items) i where i.durability <> 'volatile') then
    with moved as (
      delete from metadata.volatile_entries v
      using unnest(p_items) i
      where v.tenant_id = p_tenant and v.entity_id = i.entity_id and v.key = i.key and i.durability <> 'volatile'
      returning v.*
    )
    insert into metadata.entries as e (tenant_id, entity_id, key, version, created_at, updated_at, expires_at, is_deleted, updated_by,
      json_value, text_value, integer_value, float_value, boolean_value, bytes_value)
    select m.tenant_id, m.entity_id, m.key, m.version, m.updated_at, m.updated_at, m.expires_at, m.is_deleted, m.updated_by,
      m.json_value, m.text_value, m.integer_value, m.float_value, m.boolean_value, m.bytes_value
    from moved m
    order by m.entity_id, m.key
    on conflict (tenant_id, entity_id, key) do update
    set version = excluded.version, updated_at = excluded.updated_at, expires_at = excluded.expires_at,
      created_at = case when e.is_deleted or e.expires_at <= excluded.updated_at then excluded.updated_at else e.created_at end,
      is_deleted = excluded.is_deleted, updated_by = excluded.updated_by, json_value = excluded.json_value, text_value = excluded.text_value,
      integer_value = excluded.integer_value, float_value = excluded.float_value, boolean_value = excluded.boolean_value,
      bytes_value = excluded.bytes_value;
  end if;
end
$$;
comment on function metadata.write_volatile(text, metadata.judged_entry[]) is 'Writes entries by way of the volatile table; part of write_entries.';
revoke all on function metadata.write_volatile(text, metadata.judged_entry[]) from public;
grant execute on function metadata.write_volatile(text, metadata.judged_entry[]) to pgfleet_app;
