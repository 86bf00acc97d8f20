-- metadata.compare_and_set(tenant, items): metadata.set_entries for items that expect a version. items: as there, and
-- `expected` bigint: written only when the key is at this version, 0 only when it is not there; absent: whatever it is at.
-- returns one row an item, as there; an item that found another version is refused as stale, with the version that it found
-- (0: it was not there). Items of one key apply one after the other, in their order.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.compare_and_set(p_tenant text, p_items jsonb)
returns table (ordinal integer, refusal text, version bigint, was_there boolean, durability text)
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
  v_part jsonb;
begin
  perform platform.enter(p_tenant);
  -- All entities at first and in order, so that parts cannot wait for each other in a circle.
  perform from metadata.entities e
  where e.tenant_id = p_tenant and e.name = any (array(select x.entity from jsonb_to_recordset(p_items) as x(entity text)))
  order by e.entity_id
  for no key update;
  if (select count(*) = count(distinct (x.entity, x.key)) from jsonb_to_recordset(p_items) as x(entity text, key text)) then
    return query select * from metadata.write_entries(p_tenant, p_items);
    return;
  end if;
  -- A key stands in several calls: one call after the other, with all their keys locked in order beforehand.
  perform from (select distinct x.entity, x.key from jsonb_to_recordset(p_items) as x(entity text, key text)) x
  join metadata.entities n on n.tenant_id = p_tenant and n.name = x.entity
  join metadata.entries e on e.tenant_id = p_tenant and e.entity_id = n.entity_id and e.key = x.key
  order by e.entity_id, e.key
  for no key update of e;
  for v_part in
    select jsonb_agg(e.item || jsonb_build_object('ordinal', e.place) order by e.place)
    from jsonb_array_elements(p_items) with ordinality as e(item, place)
    group by coalesce(e.item -> 'call', to_jsonb(-e.place))
    order by min(e.place)
  loop
    return query select * from metadata.write_entries(p_tenant, v_part);
  end loop;
end
$$;
comment on function metadata.compare_and_set(text, jsonb) is 'Sets and deletes keys that are at the version expected.';
revoke all on function metadata.compare_and_set(text, jsonb) from public;
grant execute on function metadata.compare_and_set(text, jsonb) to pgfleet_app;
