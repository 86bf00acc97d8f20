-- metadata.get_entities(tenant, items): entities by name, with their entries when asked for. items: a jsonb array of {name text,
-- agent text, entries boolean}. returns one row for each that is there; with a refusal (forbidden) and nothing else when the
-- agent may not read its group. entries: a jsonb array of {key, type, value, version, updated_at, expires_at, updated_by} by
-- key, values as in metadata.set_entries, times in milliseconds since 1970.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.get_entities(p_tenant text, p_items jsonb)
returns table (ordinal integer, refusal text, entity_id uuid, name text, sync_group text, channel text, load_priority integer, expire_after_update_ms bigint,
  expire_after_creation_ms bigint, created_at timestamptz, updated_at timestamptz, created_by text, updated_by text, entries jsonb)
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
begin
  perform platform.enter(p_tenant);
  return query
  select i.ordinality::integer, null, e.entity_id, e.name, e.sync_group, e.channel, e.load_priority, e.expire_after_update_ms,
    e.expire_after_creation_ms, e.created_at, e.updated_at, e.created_by, e.updated_by,
    case when i.entries then metadata.entries_of(p_tenant, e.entity_id) end
  from rows from (jsonb_to_recordset(p_items) as (name text, agent text, entries boolean)) with ordinality as i
  join metadata.entities e on e.tenant_id = p_tenant and e.name = i.name
  left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = i.agent and r.sync_group = e.sync_group
  where (i.agent is null or r.can_read)
    and not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms);
  return query
  select i.ordinality::integer, 'forbidden', null::uuid, null, null, null, null::integer, null::bigint, null::bigint, null::timestamptz, null::timestamptz,
    null, null, null::jsonb
  from rows from (jsonb_to_recordset(p_items) as (name text, agent text)) with ordinality as i
  join metadata.entities e on e.tenant_id = p_tenant and e.name = i.name
  left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = i.agent and r.sync_group = e.sync_group
  where i.agent is not null and r.can_read is not true;
end
$$;
comment on function metadata.get_entities(text, jsonb) is 'Many entities by name, with their entries when asked for.';
revoke all on function metadata.get_entities(text, jsonb) from public;
grant execute on function metadata.get_entities(text, jsonb) to pgfleet_app;
