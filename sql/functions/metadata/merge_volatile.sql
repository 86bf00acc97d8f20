-- metadata.merge_volatile(tenant, rows, after entity, after key): moves pending volatile writes to metadata.entries, where a
-- crash cannot take them; at most so many, those behind the given key. Readers see no difference. Rows whose entity is gone
-- are dropped and counted; they stop nothing. returns what was merged and dropped, and the last key, to go on behind it; null
-- when there was none.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.merge_volatile(
  p_tenant text,
  p_rows integer,
  p_after_entity uuid default null,
  p_after_key text default null
)
returns table (merged integer, dropped integer, last_entity uuid, last_key text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_entity_ids uuid[];
  v_keys text[];
begin
  perform platform.enter(p_tenant);
  select array_agg(x.entity_id), array_agg(x.key), (array_agg(x.entity_id order by x.entity_id desc, x.key desc))[1],
    (array_agg(x.key order by x.entity_id desc, x.key desc))[1]
  into v_entity_ids, v_keys, last_entity, last_key
  from (
    select v.entity_id, v.key from metadata.volatile_entries v
    where v.tenant_id = p_tenant
      and (v.entity_id, v.key) > (coalesce(p_after_entity, '00000000-0000-0000-0000-000000000000'), coalesce(p_after_key, ''))
    order by v.entity_id, v.key
    limit p_rows
  ) x;
  -- Entities before their entries, as all writers lock them.
  perform from metadata.entities e
  where e.tenant_id = p_tenant and e.entity_id = any (v_entity_ids)
  order by e.entity_id
  for key share;
  perform from unnest(v_entity_ids, v_keys) x(entity_id, key)
  join metadata.volatile_entries v on v.tenant_id = p_tenant and v.entity_id = x.entity_id and v.key = x.key
  order by v.entity_id, v.key
  for update of v;
  with taken as (
    delete from metadata.volatile_entries v
    using unnest(v_entity_ids, v_keys) x(entity_id, key)
    where v.tenant_id = p_tenant and v.entity_id = x.entity_id and v.key = x.key
    returning v.*
  ),
  kept as materialized (
    select t.* from taken t
    join metadata.entities e on e.tenant_id = p_tenant and e.entity_id = t.entity_id
  ),
  written as (
    insert into metadata.entries as e (tenant_id, entity_id, key, version, created_at, updated_at, expires_at, is_deleted, updated_by,
      json_value, text_value, integer_value, float_value, boolean_value, bytes_value)
    select k.tenant_id, k.entity_id, k.key, k.version, k.updated_at, k.updated_at, k.expires_at, k.is_deleted, k.updated_by,
      k.json_value, k.text_value, k.integer_value, k.float_value, k.boolean_value, k.bytes_value
    from kept k
    order by k.entity_id, k.key
    on conflict (tenant_id, entity_id, key) do update
    set version = excluded.version, updated_at = excluded.updated_at, expires_at = excluded.expires_at,
      created_at = case when e.is_deleted or e.expires_at <= excluded.updated_at then excluded.updated_at else e.created_at end,
      is_deleted = excluded.is_deleted, updated_by = excluded.updated_by, json_value = excluded.json_value, text_value = excluded.text_value,
      integer_value = excluded.integer_value, float_value = excluded.float_value, boolean_value = excluded.boolean_value,
      bytes_value = excluded.bytes_value
    where e.version < excluded.version
  )
  select (select count(*) from kept), (select count(*) from taken) - (select count(*) from kept) into merged, dropped;
  return next;
end
$$;
comment on function metadata.merge_volatile(text, integer, uuid, text) is 'Moves pending volatile writes to metadata.entries.';
revoke all on function metadata.merge_volatile(text, integer, uuid, text) from public;
grant execute on function metadata.merge_volatile(text, integer, uuid, text) to pgfleet_app;
