-- metadata.drop_entities(tenant, ids, expired, agents): deletes entities with all their entries, and logs it; how many. expired: only those
-- that have expired, judged again under their locks, so that none is removed that is being written. Locks the
-- entities, then metadata.volatile_entries and metadata.entries, each by key: a write that began before is waited for, one that comes later finds the entity
-- gone. Part of whatever deletes entities.
create or replace function metadata.drop_entities(p_tenant text, p_entity_ids uuid[], p_expired boolean, p_agent_ids text[]) returns integer
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
  v_ids uuid[];
begin
  perform platform.enter(p_tenant);
  if coalesce(cardinality(p_entity_ids), 0) = 0 then
    return 0;
  end if;
  v_ids := array(
    select e.entity_id from metadata.entities e
    where e.tenant_id = p_tenant and e.entity_id = any (p_entity_ids)
    order by e.entity_id
    for update
  );
  perform from metadata.volatile_entries e
  where e.tenant_id = p_tenant and e.entity_id = any (v_ids)
  order by e.entity_id, e.key
  for update;
  perform from metadata.entries e
  where e.tenant_id = p_tenant and e.entity_id = any (v_ids)
  order by e.entity_id, e.key
  for update;
  if p_expired then
    v_ids := array(
      select e.entity_id from metadata.entities e
      where e.tenant_id = p_tenant and e.entity_id = any (v_ids)
        and metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
    );
  end if;
  perform metadata.record_changes(p_tenant, 'entities', v_ids, null, p_agent_ids, false);
  delete from metadata.volatile_entries e where e.tenant_id = p_tenant and e.entity_id = any (v_ids);
  delete from metadata.entries e where e.tenant_id = p_tenant and e.entity_id = any (v_ids);
  delete from metadata.entities e where e.tenant_id = p_tenant and e.entity_id = any (v_ids);
  return cardinality(v_ids);
end
$$;
comment on function metadata.drop_entities(text, uuid[], boolean, text[]) is 'Deletes entities with their entries.';
revoke all on function metadata.drop_entities(text, uuid[], boolean, text[]) from public;
grant execute on function metadata.drop_entities(text, uuid[], boolean, text[]) to pgfleet_app;
