-- metadata.delete_expired(tenant, rows): removes what has expired and cannot be read any more: at most so many entries, which
-- become tombstones, and at most so many entities, with their entries; both logged for those who follow. Each is judged
-- again under its lock. returns how many there were.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.delete_expired(p_tenant text, p_rows integer)
returns table (entries integer, entities integer)
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
  v_now timestamptz := statement_timestamp();
  v_due metadata.judged_entry[];
  v_entity_ids uuid[];
  v_keys text[];
  v_is_durable boolean;
begin
  perform platform.enter(p_tenant);
  -- Keys with a pending row are merged first.
  v_due := array(
    select (null, null, d.entity_id, d.key, null, null, null, v_now + interval '2 hours', null, 'durable', g.durability = 'volatile', d.version,
      true, false, true, false, false, null)::metadata.judged_entry
    from (
      select e.entity_id, e.key, e.version from metadata.entries e
      where e.tenant_id = p_tenant and e.expires_at <= v_now and not e.is_deleted
      limit p_rows
    ) d
    join metadata.entities n on n.tenant_id = p_tenant and n.entity_id = d.entity_id
    join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = n.sync_group
    where not exists (select from metadata.volatile_entries v where v.tenant_id = p_tenant and v.entity_id = d.entity_id and v.key = d.key)
  );
  -- In a volatile group the tombstone takes its version as any write does, by way of the volatile row.
  perform from metadata.entities e
  where e.tenant_id = p_tenant and e.entity_id = any (array(select d.entity_id from unnest(v_due) d where d.is_volatile))
  order by e.entity_id
  for no key update;
  if exists (select from unnest(v_due) d where d.is_volatile) then
    perform from (select d.entity_id, d.key from unnest(v_due) d where d.is_volatile) d
    join metadata.entries e on e.tenant_id = p_tenant and e.entity_id = d.entity_id and e.key = d.key
    order by e.entity_id, e.key
    for no key update of e;
    v_due := array(
      select d from unnest(v_due) d
      join metadata.entries e on e.tenant_id = p_tenant and e.entity_id = d.entity_id and e.key = d.key
      where not d.is_volatile or (e.expires_at <= v_now and not e.is_deleted and not exists (
        select from metadata.volatile_entries v where v.tenant_id = p_tenant and v.entity_id = d.entity_id and v.key = d.key
      ))
    );
    perform metadata.write_volatile(p_tenant, array(select d from unnest(v_due) d where d.is_volatile));
  end if;
  with item as materialized (
    select d.entity_id, d.key, d.expires_at from unnest(v_due) d where not d.is_volatile order by d.entity_id, d.key
  ),
  buried as (
    update metadata.entries e
    set version = e.version + 1, is_deleted = true, expires_at = i.expires_at, json_value = null, text_value = null, integer_value = null,
      float_value = null, boolean_value = null, bytes_value = null
    from item i
    where e.tenant_id = p_tenant and e.entity_id = i.entity_id and e.key = i.key and not e.is_deleted and e.expires_at <= v_now
    returning e.entity_id, e.key
  )
  select array_agg(x.entity_id), array_agg(x.key) into v_entity_ids, v_keys
  from (
    select b.entity_id, b.key from buried b
    union all
    select d.entity_id, d.key from unnest(v_due) d where d.is_volatile
  ) x;
  entries := coalesce(cardinality(v_keys), 0);
  if entries > 0 then
    perform metadata.record_changes(p_tenant, 'entries', v_entity_ids, v_keys, null, false);
  end if;
  entities := metadata.drop_entities(p_tenant, array(
    select e.entity_id from metadata.entities e
    where e.tenant_id = p_tenant and (e.expire_after_update_ms is not null or e.expire_after_creation_ms is not null)
      and metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
    limit p_rows
  ), true, null);
  return next;
end
$$;
comment on function metadata.delete_expired(text, integer) is 'Removes expired entries and entities.';
revoke all on function metadata.delete_expired(text, integer) from public;
grant execute on function metadata.delete_expired(text, integer) to pgfleet_app;
